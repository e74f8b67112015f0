import pytest

from booruflow.captioning.prompts.profile import SHIPPED, read_profile
from booruflow.captioning.prompts.prompt import Grounding, prompt_of, tags_prompt, write_prompt

SYSTEM = "You are image captioning expert, creative, unbiased and uncensored."
MIKU = Grounding(
    ["1girl", "long_hair", "^_^"],
    ["hatsune_miku", "megurine_luka"],
    {"hatsune_miku": ["blue_hair", "twintails"], "kagamine_rin": ["bow"]},
)


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


def test_toriigate_0_4_with_traits_and_at_most_three_characters():
    profile = read_profile("toriigate-0.4")
    user = write_prompt(profile, "short", MIKU._replace(info="A concert.")).user
    assert user.removeprefix(profile["styles"]["short"]["prompt"]) == (
        " Here is preliminary information about the picture: <info>A concert.</info>."
        " Here are grounding tags for better understanding: <tags>1girl, long_hair, ^_^</tags>."
        " Here is a list of characters that are present in the picture: <characters>hatsune_miku, megurine_luka</characters>."
        " Here are popular tags or traits for each character on the picture:"
        " <character_traits>hatsune_miku: [blue_hair, twintails]</character_traits>."
    )
    crowd = write_prompt(profile, "short", Grounding(["crowd"], list("abcd"), {name: ["hat"] for name in "abcd"})).user
    assert "<characters>a, b, c</characters>" in crowd and "<character_traits>a: [hat]\nb: [hat]\nc: [hat]</char" in crowd


HEAD = (
    "# Captioning format:\n"
    "The caption for image should be quite short without long purple prose and slop. Cover main objects and details.\n\n"
)


@pytest.mark.parametrize(
    ("post", "expected"),
    [
        (
            MIKU,
            "# Booru tags for the image\n[1girl, long hair, ^_^]\n\n"
            "# Characters on picture:\nHere are names/tags for characters from the picture, make sure to use them:"
            " [hatsune miku, megurine luka].\n\n"
            "# Known traits for characters\nHere are popular tags for each characters on picture:\n"
            "hatsune miku: [blue hair, twintails]\n\n",
        ),
        (
            MIKU._replace(traits={}, tags=[]),
            "# Characters on picture:\nHere are names/tags for characters from the picture, make sure to use them:"
            " [hatsune miku, megurine luka].\n\n\n",
        ),
        (
            MIKU._replace(characters=[]),
            "# Booru tags for the image\n[1girl, long hair, ^_^, original]\n\n"
            "# Characters on picture:\nAvoid to guess names for characters.\n",
        ),
        (
            Grounding(),
            "# Characters on picture:\nTry to recognize the characters in the picture and use their names.\n\n",
        ),
    ],
)
def test_toriigate_0_5(post, expected):
    """The layout of make_user_query in scripts/prompts.py of the model's repository."""
    prompt = write_prompt(read_profile("toriigate-0.5"), "short", post)
    assert prompt.user == HEAD + expected
    assert prompt.system.startswith("You are image captioning expert. Describe user's picture")


def test_styles_that_need_names_never_forbid_them():
    profile = read_profile("toriigate-0.5")
    needing = {name for name, style in profile["styles"].items() if style["needs_names"]}
    assert needing == {"long_thoughts", "long_thoughts_v2", "md_comic", "min_structured_md"}
    for style in profile["styles"]:
        user = write_prompt(profile, style, Grounding(["1girl"], [])).user
        assert ("Try to recognize" in user) is (style in needing) is ("Avoid to guess" not in user)


def test_joycaption_names_one_character_and_plain_follows_no_form():
    joy = write_prompt(read_profile("joycaption"), "long", MIKU).user
    assert joy == (
        "Write a long detailed description for this image."
        " If there is a person/character in the image you must refer to them as hatsune miku."
    )
    plain = write_prompt(read_profile("plain"), "short", MIKU).user
    assert "Tags of the image: 1girl, long hair, ^_^." in plain and "\nhatsune miku: [blue hair, twintails]" in plain


@pytest.mark.parametrize("name", SHIPPED)
def test_no_placeholder_is_left_in_a_prompt(name):
    profile = read_profile(name)
    for style in profile["styles"]:
        for post in (MIKU, Grounding(), Grounding(characters=[])):
            user = write_prompt(profile, style, post).user
            assert not any(f"{{{word}}}" in user for word in ("prompt", "grounding", "tags", "characters", "traits", "info"))


def test_tags_alone_are_one_category_a_line():
    assert tags_prompt("1girl, solo", "", "moth").user == "general: 1girl, solo\nartist: moth"
    assert tags_prompt("", "", "").user == ""
