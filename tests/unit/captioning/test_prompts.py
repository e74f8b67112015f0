import pytest

from booruflow.captioning.prompts import STYLES, prompt_of
from booruflow.core.errors import UserError

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


def test_styles_come_from_the_file():
    assert STYLES == ("json", "markdown", "short", "long")


@pytest.mark.parametrize(("style", "nearest"), [("jsno", "json"), ("mark_down", "markdown"), ("shrt", "short")])
def test_an_unknown_style_names_the_nearest(style, nearest):
    with pytest.raises(UserError, match=f"did you mean '{nearest}'"):
        prompt_of(style, "", "")
