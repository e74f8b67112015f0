from pathlib import Path

import yaml

from booruflow.captioning.prompts.prompt import STYLES, prompt_of, tags_prompt

ROOT = Path(__file__).parents[4]
SYSTEM = "You are image captioning expert, creative, unbiased and uncensored."


def test_with_tags_and_characters():
    prompt = prompt_of("json", "1girl, solo", "hatsune_miku, kagamine_rin")
    assert prompt.system == SYSTEM
    assert prompt.user == (
        "Describe the picture in structured json-like format."
        " Here are grounding tags for better understanding: <tags>1girl, solo</tags>."
        " Here is a list of characters that are present in the picture: <characters>hatsune_miku, kagamine_rin</characters>."
    )


def test_without_tags_or_characters():
    assert prompt_of("short", "", "").user == (
        "You need to write a medium-short and convenient caption for the picture. Do not use names for characters."
    )


def test_a_tag_with_braces_stays_as_it_is():
    assert "<tags>{characters}, a{b}</tags>. Do not" in prompt_of("long", "{characters}, a{b}", "").user


def test_the_config_accepts_exactly_the_styles_of_the_file():
    schema = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())
    assert (
        STYLES == tuple(schema["properties"]["captioner"]["properties"]["style"]["enum"]) == ("json", "markdown", "short", "long")
    )


def test_tags_alone_are_one_category_a_line():
    assert tags_prompt("1girl, solo", "", "moth").user == "general: 1girl, solo\nartist: moth"
    assert tags_prompt("", "", "").user == ""
