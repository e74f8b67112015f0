from pathlib import Path

import pytest
import yaml

from booruflow.captioning.prompts.settings import for_style, parser_settings, request_settings, views, with_profile
from booruflow.core.config import check_config
from booruflow.core.errors import UserError

SCHEMA = yaml.safe_load(Path(__file__).parents[4].joinpath("rules/schemas/config.schema.yaml").read_text("utf-8"))


def section(**changes):
    return with_profile(check_config({"inputs": {"metadata": ["a"]}, "captioner": changes}, SCHEMA)["captioner"])


def test_the_profile_fills_what_the_config_leaves_open():
    captioner = section()
    assert (captioner["style"], captioner["styles"]) == ("json", ["json"])
    assert captioner["grounding"] == ["tags", "characters", "traits"]
    assert (captioner["min_pixels"], captioner["max_pixels"], captioner["max_new_tokens"]) == (200704, 401408, 1000)
    joy = section(profile="joycaption", temperature=0, max_new_tokens=99)
    assert (joy["temperature"], joy["top_p"], joy["max_new_tokens"], joy["max_pixels"]) == (0, 0.9, 99, None)
    assert joy["grounding"] == ["characters"]


@pytest.mark.parametrize(
    ("setting", "parts"),
    [(False, []), ([], []), (["traits", "tags"], ["tags", "traits"]), (True, ["tags", "characters", "traits"])],
)
def test_parts_of_the_grounding(setting, parts):
    assert section(grounding=setting)["grounding"] == parts


def test_several_styles():
    captioner = section(profile="plain", styles=["short", "json"], style="long")
    assert (captioner["style"], captioner["styles"]) == ("short", ["short", "json"])
    assert for_style(captioner, "json")["style"] == "json"
    assert parser_settings(captioner, "json")["answer"] == "json" and parser_settings(captioner, "short")["answer"] == "prose"
    assert request_settings(captioner) != request_settings(for_style(captioner, "json"))


@pytest.mark.parametrize("changes", [{"style": "jsn"}, {"styles": ["long", "jsn"]}])
def test_a_style_that_the_profile_does_not_have(changes):
    key = next(iter(changes))
    with pytest.raises(UserError, match=rf"captioner\.{key}: the profile toriigate-0\.4 has no style 'jsn'; did you mean json\?"):
        section(**changes)


def test_captions_besides_those_of_the_first_style():
    assert views(section()) == {}
    assert views(section(profile="plain", styles=["long", "short"])) == {"short": ("short", "caption")}
    assert views(section(profile="toriigate-0.5", styles=["chroma-style", "json"])) == {
        "json": ("json", "caption"),
        **{f"chroma-style_{name}": ("chroma-style", name) for name in ("parts", "phrases", "commission")},
    }
