import pytest

from booruflow.report.overview.figures import shown_model

SETTINGS = {"captioner.model": "models/captioner", "captioner.tipo.model": "KBlueLeaf/TIPO-200M-ft2"}
DIGEST, COMMIT = "5f0c12ab" * 4, "0123456789" * 4


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (f"transformers folder:{DIGEST}", "transformers: models/captioner (5f0c12ab)"),
        (f"tipo folder:{DIGEST}", "tipo: KBlueLeaf/TIPO-200M-ft2 (5f0c12ab)"),
        (f"server Minthy/ToriiGate-v0.4-7B@{COMMIT}", "server: Minthy/ToriiGate-v0.4-7B (01234567)"),
        ("openai gpt-x", "openai: gpt-x"),
    ],
)
def test_a_model_is_shown_by_its_name_with_a_short_version(model: str, shown: str) -> None:
    assert shown_model(model, SETTINGS) == shown
