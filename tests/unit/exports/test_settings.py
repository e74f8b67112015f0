from pathlib import Path

import pytest
import yaml

from booruflow.core.config import check_config
from booruflow.core.errors import UserError
from booruflow.exports.forms.registry import FORMS
from booruflow.exports.settings import IMAGES, export_errors, export_settings

SCHEMA = yaml.safe_load(Path("rules/schemas/config.schema.yaml").read_text("utf-8"))


def config(images="images", text=None, subsets=None, **exports):
    inputs = {"metadata": ["m.parquet"], "images": images}
    return check_config({"inputs": inputs, "text": text or {}, "subsets": subsets or {}, "exports": exports}, SCHEMA)


def errors(**sections):
    return list(export_errors(config(**sections), ["short"]))


def test_good_exports():
    assert errors(a={"form": "folder", "subset": "solo"}, b={"form": "webdataset"}, subsets={"solo": {}}) == []
    assert errors(images="", a={"form": "sd-scripts"}) == []


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"a": {"form": "folder", "subset": "solo"}}, "exports.a.subset: no subset 'solo': define it under subsets, or null"),
        (
            {"a": {"form": "folder", "subset": "sol"}, "subsets": {"solo": {}, "best": {}}},
            "exports.a.subset: no subset 'sol': one of solo, best, or null for all posts",
        ),
        ({"a": {"form": "webdataset", "images": "link"}}, "exports.a.images: the form webdataset takes copy, encode, not link"),
        ({"a": {"form": "folder"}, "images": ""}, "exports.a: inputs.images is empty, so there are no images to export: name a"),
        ({"a": {"form": "folder"}, "images": ""}, "a folder there, or set images: none"),
        (
            {"text": {"variants": [{"template": "{tag}"}]}},
            "text.variants.0.template: '{tag}': no part {tag}; did you mean {tags}?",
        ),
        (
            {"text": {"variants": [{"template": "{caption_short}"}, {"template": "{caption_shorter}"}]}},
            "text.variants.1.template: '{caption_shorter}': no part {caption_shorter}; did you mean {caption_short}?",
        ),
        (
            {"a": {"form": "folder", "variants": [{"template": "{tags}"}, {"template": "x"}]}},
            "exports.a.variants.1.template: 'x': no part: use {tags}, {caption}",
        ),
    ],
)
def test_a_bad_export_is_one_line_that_names_the_key(sections, line):
    (found,) = errors(**sections)
    assert line in found and "\n" not in found


@pytest.mark.parametrize(
    ("export", "line"),
    [
        ({"form": "kohya"}, 'config.yaml: exports.a.form: "kohya" is not one of "sd-scripts", "folder"'),
        ({}, "config.yaml: exports.a.form: missing"),
        ({"form": "folder", "image": "copy"}, "config.yaml: exports.a.image: unknown key; did you mean images?"),
        ({"form": "folder", "encode": {"quality": 200}}, "config.yaml: exports.a.encode.quality: 200 is above 100"),
        ({"form": "folder", "variants": [{"weight": 2}]}, "config.yaml: exports.a.variants.0.template: missing"),
        ({"form": "folder", "variants": [{"template": "{tags}", "weight": 0}]}, "exports.a.variants.0.weight: 0 is below 1"),
    ],
)
def test_the_schema_names_the_key(export, line):
    with pytest.raises(UserError) as error:
        config(a=export)
    assert line in str(error.value)


def test_settings_are_filled_in():
    variants = [{"template": "{caption}", "weight": 1}]
    filled = config(text={"variants": variants}, a={"form": "musubi"}, b={"form": "folder", "variants": []})
    assert export_settings(filled, "a")["images"] == "none" and export_settings(filled, "a")["variants"] == variants
    assert export_settings(filled, "b")["images"] == "copy" and export_settings(filled, "b")["variants"] == []


def test_the_forms_are_those_of_the_schema():
    form = SCHEMA["properties"]["exports"]["additionalProperties"]["properties"]["form"]
    assert form["enum"] == list(FORMS) == list(IMAGES)
