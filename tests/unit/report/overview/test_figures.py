"""Figures of the report that are no counts of one product."""

import pytest

from booruflow.quality.settings import FLAG_NAMES
from booruflow.report.overview.figures import shown_model, token_limits
from booruflow.report.overview.flags import MEANINGS, Flag, Flags

SETTINGS = {
    "captioner.backend": "server",
    "captioner.model": "/models/a",
    "captioner.fallback": "tipo",
    "captioner.tipo.model": "KBlueLeaf/TIPO-200M-ft2",
}
DIGEST, COMMIT = "5f0c12ab" * 4, "0123456789" * 4


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        (f"server folder:{DIGEST}", "server: /models/a (5f0c12ab)"),
        (f"tipo folder:{DIGEST}", "tipo: KBlueLeaf/TIPO-200M-ft2 (5f0c12ab)"),
        (f"exllamav2 folder:{DIGEST}", "exllamav2: a folder (5f0c12ab)"),
        (f"server Minthy/ToriiGate-v0.4-7B@{COMMIT}", "server: Minthy/ToriiGate-v0.4-7B (01234567)"),
        ("openai gpt-x", "openai: gpt-x"),
        ("openai", "openai"),
    ],
)
def test_a_model_is_shown_by_its_name_with_a_short_version(recorded: str, shown: str) -> None:
    assert shown_model(recorded, SETTINGS) == shown


def test_captions_are_counted_by_the_limits_of_the_encoders() -> None:
    found = [Flag("over_75_tokens", {"base": 2, "edited": 1}), Flag("over_512_tokens", {}), Flag("short", {"base": 4})]
    flags = Flags({"base": 9, "edited": 1}, found, {"clip": "counted", "t5": "estimated"})
    assert token_limits(flags) == [("75 tokens of CLIP, counted", 3), ("512 tokens of T5, estimated", 0)]


def test_every_flag_is_explained() -> None:
    assert MEANINGS.keys() == set(FLAG_NAMES)
