import pytest

from booruflow.report.overview.settings import shown_settings


def test_settings_are_one_line_each() -> None:
    config = {
        "captions": {"shards": 4, "salvage": False, "max": None},
        "inputs": {"captions": [{"files": ["a", "b"], "columns": []}]},
        "subsets": {},
        "long": "x" * 999,
    }
    lines = shown_settings(config)
    assert lines[:-1] == [
        ("captions.shards", "4"),
        ("captions.salvage", "no"),
        ("captions.max", "none"),
        ("inputs.captions[0].files", "a, b"),
        ("inputs.captions[0].columns", "none"),
        ("subsets", "none"),
    ]
    assert len(lines[-1][1]) == 200


@pytest.mark.parametrize(
    "section",
    [
        {"extra_body": {"auth": [{"token": "s3cret"}]}},
        {"extra_body": {"a": "s3cret"}},
        {"base_urls": ["http://me:s3cret@host/v1", "https://host/v1?key=s3cret"]},
        {"arguments": ["--api-key", "s3cret", "--port", "80"]},
        {"arguments": ["--api-key=s3cret"]},
        {"model_arguments": ["--hf-token", "s3cret"]},
        {"arguments": ["-password", "s3cret"]},
    ],
)
def test_no_secret_is_shown(section: dict[str, object]) -> None:
    lines = shown_settings({"captioner": {"server": section}})
    assert "s3cret" not in str(lines) and "***" in str(lines)


def test_what_is_no_secret_is_shown() -> None:
    arguments = ["--max-tokens", "512", "--tokenizer", "m", "--enforce-eager"]
    assert shown_settings({"captioner": {"arguments": arguments}}) == [("captioner.arguments", ", ".join(arguments))]
