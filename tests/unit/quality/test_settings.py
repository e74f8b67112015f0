from pathlib import Path

import yaml

from booruflow.captioning.prompts.settings import request_settings, with_profile
from booruflow.core.config import check_config
from booruflow.quality.settings import FLAG_NAMES, check_settings, quality_errors, wanted_flags

SCHEMA = yaml.safe_load((Path(__file__).parents[3] / "rules/schemas/config.schema.yaml").read_text("utf-8"))


def test_the_schema_has_these_flags():
    keys = SCHEMA["properties"]["quality"]["properties"]
    assert keys["flags"]["items"]["enum"] == keys["queue"]["items"]["enum"] == list(FLAG_NAMES)


def test_all_some_or_no_flags():
    assert wanted_flags({"flags": None}) == sorted(FLAG_NAMES)
    assert wanted_flags({"flags": ["short", "long"]}) == ["long", "short"]
    assert wanted_flags({"flags": []}) == []


def test_the_queue_takes_flags_that_are_looked_for():
    section = {"flags": None, "queue": list(FLAG_NAMES), "tokenizers": {"clip": None, "t5": None}}
    assert quality_errors(section) == []
    (error,) = quality_errors(section | {"flags": ["short"], "queue": ["short", "long"]})
    assert error.startswith("quality.queue: long is not among quality.flags")


def test_a_tokenizer_that_is_not_there_is_named(tmp_path):
    (tmp_path / "t5.json").touch()
    section = {"flags": None, "queue": [], "tokenizers": {"clip": str(tmp_path), "t5": str(tmp_path / "t5.json")}}
    line = f"quality.tokenizers.clip: {tmp_path}: no such file: correct the path, or set null for an estimate"
    assert quality_errors(section) == [line]


def test_settings_of_captions_that_are_generated_or_not():
    config = check_config(yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text("utf-8")), SCHEMA)
    request = request_settings(with_profile(config["captioner"]))
    settings = check_settings(config, request, generated=True)
    assert settings["named"] == 3 and "Describe the picture in structured json-like format." in settings["prompts"]
    assert check_settings(config, request, generated=False) | {"flags": []} == {
        "flags": [],
        "artist_sentence": "",
        "prompts": [],
        "named": 0,
    }
    without_names = check_settings(config, request | {"parts": ["tags"], "max_characters": None}, generated=True)
    assert without_names["named"] == 0
