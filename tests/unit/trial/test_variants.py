import json

import pytest
import yaml
from projects import ROOT

from booruflow.captioning.prompts.settings import with_profile
from booruflow.core.config import check_config
from booruflow.core.errors import UserError
from booruflow.trial.variants import shown_changes, shown_model, trial_variants

SCHEMA = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text("utf-8"))["properties"]["captioner"]


def section(**changes):
    return check_config({"model": "m", **changes}, SCHEMA)


def variants(compare=(), **changes):
    return trial_variants(section(**changes), dict(compare), SCHEMA)


def test_the_configured_styles_come_first_then_what_is_compared():
    found = variants({"plain": {"profile": "plain"}, "warm": {"temperature": 0.5, "style": "long"}}, styles=["json", "short"])
    assert list(found) == ["json", "short", "plain", "warm"]
    assert [captioner["style"] for captioner in found.values()] == ["json", "short", "long", "long"]
    assert [captioner["temperature"] for captioner in found.values()] == [0, 0, 0, 0.5]
    assert [captioner["styles"] for captioner in found.values()] == [["json"], ["short"], ["long"], ["long"]]
    assert found["plain"]["profile"]["system"] != found["json"]["profile"]["system"] == found["warm"]["profile"]["system"]


def test_a_variant_asks_as_the_whole_run_does():
    whole = with_profile(section())
    (variant,) = variants().values()
    style = whole["style"]
    assert variant["profile"]["styles"] == {style: whole["profile"]["styles"][style]}
    assert {**variant, "profile": 0, "styles": 0} == {**whole, "profile": 0, "styles": 0}


def test_all_together_fit_in_an_environment_variable():
    found = variants({f"v{k}": {"profile": "toriigate-0.5"} for k in range(12)}, profile="joycaption")
    assert len(json.dumps(found)) < 128 << 10


def test_changes_of_a_section_keep_its_other_keys():
    found = variants({"a": {"server": {"engine": "sglang"}}}, server={"timeout": 7})
    assert (found["a"]["server"]["engine"], found["a"]["server"]["timeout"]) == ("sglang", 7)
    assert found["json"]["server"]["engine"] == "vllm"


@pytest.mark.parametrize(
    ("compare", "line"),
    [
        ({"json": {"style": "short"}}, "captions.compare.json: the name of a style of captioner, which is shown anyway: choose"),
        ({"a": {"styles": ["short"]}}, "captions.compare.a.styles: a variant has one style: give style"),
        ({"a": {"stile": "short"}}, "captions.compare.a: stile: unknown key; did you mean style?"),
        (
            {"a": {"style": "shrt"}},
            "captions.compare.a.style: the profile toriigate-0.4 has no style 'shrt'; did you mean short?",
        ),
        ({"a": {"profile": "joi"}}, "captions.compare.a.profile: 'joi' is not a profile; "),
        ({"a": {"temperature": "hot"}}, "captions.compare.a: temperature: "),
        ({"a": {"server": "vllm"}}, "captions.compare.a: server: "),
    ],
)
def test_what_is_wrong_is_named_with_its_place(compare, line):
    with pytest.raises(UserError) as raised:
        variants(compare)
    assert str(raised.value).startswith(f"config.yaml: {line}")


def test_changes_are_shown_without_what_sections_hold():
    shown = shown_changes({"profile": "plain", "openai": {"extra_body": {"token": "secret"}}})
    assert shown == "profile: plain, openai of its own"


def test_the_model_is_shown_with_engine_and_commit():
    captioner = {"backend": "server", "model": "owner/name", "revision": "0123456789" * 4, "server": {"engine": "vllm"}}
    assert shown_model(captioner) == "server, vllm: owner/name (01234567)"
    assert (
        shown_model({"backend": "transformers", "model": "models/captioner", "revision": None})
        == "transformers: models/captioner"
    )
    assert shown_model({"backend": "tipo", "model": "x", "tipo": {"model": "tipo", "revision": None}}) == "tipo: tipo"
