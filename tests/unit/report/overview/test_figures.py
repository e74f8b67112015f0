"""Figures of the report that are no counts of one product."""

import pytest

from booruflow.quality.settings import FLAG_NAMES
from booruflow.report.overview.figures import model_name, token_limits
from booruflow.report.overview.flags import MEANINGS, Flag, Flags

SETTINGS = {
    "captioner.backend": "server",
    "captioner.model": "/models/a",
    "captioner.fallback": "tipo",
    "captioner.tipo.model": "t",
}


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("server folder:0123456789abcdef", ("/models/a", "backend server, digest of its files 0123456789ab")),
        ("tipo folder:0123456789abcdef", ("t", "backend tipo, digest of its files 0123456789ab")),
        ("exllamav2 folder:0123456789abcdef", ("a folder", "backend exllamav2, digest of its files 0123456789ab")),
        ("transformers owner/name@0123", ("owner/name@0123", "backend transformers")),
        ("openai", ("openai", "")),
    ],
)
def test_a_model_has_its_name_of_the_settings_and_a_digest_beside_it(recorded: str, shown: tuple[str, str]) -> None:
    assert model_name(recorded, SETTINGS) == shown


def test_captions_are_counted_by_the_limits_of_the_encoders() -> None:
    found = [Flag("over_75_tokens", {"base": 2, "edited": 1}), Flag("over_512_tokens", {}), Flag("short", {"base": 4})]
    flags = Flags({"base": 9, "edited": 1}, found, {"clip": "counted", "t5": "estimated"})
    assert token_limits(flags) == [("75 tokens of CLIP, counted", 3), ("512 tokens of T5, estimated", 0)]


def test_every_flag_is_explained() -> None:
    assert MEANINGS.keys() == set(FLAG_NAMES)
