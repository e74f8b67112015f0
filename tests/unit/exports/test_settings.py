from pathlib import Path

import pytest
import yaml

from booruflow.core.config import check_config
from booruflow.core.errors import UserError
from booruflow.exports.forms.registry import FORMS
from booruflow.exports.settings import IMAGES, ONE_TEXT, TRAINS_ALL, empty_parts, export_errors, export_settings
from booruflow.tags.policy import CATEGORIES, tag_policy
from booruflow.texts.templates import PARTS

SCHEMA = yaml.safe_load(Path("rules/schemas/config.schema.yaml").read_text("utf-8"))


def config(images="images", text=None, subsets=None, **exports):
    inputs = {"metadata": ["m.parquet"], "images": images}
    return check_config({"inputs": inputs, "text": text or {}, "subsets": subsets or {}, "exports": exports}, SCHEMA)


def tag_policy_of(section):
    return tag_policy(check_config(section, SCHEMA["properties"]["tags"]), SCHEMA["properties"]["tags"], Path("policies"))


def errors(tags=None, columns=None, **sections):
    filled = config(**sections)
    filled["inputs"]["columns"] |= columns or {}
    exports = {name: section for name, section in sections.items() if "form" in section}
    return list(export_errors(filled, tag_policy_of(tags or {}), ["short"], exports))


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
        (
            {"form": "folder", "encode": {"format": "webp"}},
            "encode: no image is encoded with images: copy: set images: encode, or",
        ),
        ({"form": "sd-scripts", "encode": {}}, "encode: no image is encoded with images: none: set"),
        (
            {"form": "folder", "images": "encode", "encode": {"format": "png", "quality": 95}},
            "encode.quality: png has no quality: set encode.format to webp or jpg, or remove the key",
        ),
        (
            {"form": "sd-scripts", "extension": "txt"},
            "extension: the form sd-scripts has no text files: choose the form folder, or",
        ),
        ({"form": "folder", "tars": 10}, "tars: the form folder writes no tars: choose the form webdataset, or remove the key"),
        ({"form": "aozora", "captions": "one"}, "captions: the form aozora has four texts of its own: choose another form, or"),
        ({"form": "aozora", "variants": []}, "variants: the form aozora has four texts of its own: choose another form, or"),
        ({"form": "musubi", "captions": "all"}, "captions: the form musubi has one text an image: set one, or remove the key"),
        (
            {"form": "diffusion-pipe", "variants": [{"template": "{tags}", "weight": 2}, {"template": "{caption}"}]},
            "variants: weights do not count with the form diffusion-pipe, which trains every text: set captions: one, or",
        ),
    ],
)
def test_a_key_that_changes_nothing_is_an_error(export, line):
    (found,) = errors(a=export)
    assert found.startswith(f"exports.a.{line}") and "\n" not in found


def test_keys_that_change_something_are_not():
    weighted = [{"template": "{tags}", "weight": 2}, {"template": "{caption}"}]
    assert not errors(
        a={"form": "folder", "images": "encode", "encode": {"quality": 90}, "extension": "caption", "captions": "one"},
        b={"form": "webdataset", "tars": 10, "captions": "all"},
        c={"form": "diffusion-pipe", "variants": weighted, "captions": "one"},
        d={"form": "musubi", "variants": weighted, "captions": "one", "subset": None, "images": None},
        e={"form": "aozora", "variants": None},
    )


def test_the_forms_with_one_text_and_those_that_train_all_are_named():
    assert [name for name, form in FORMS.items() if form.several == "one"] == list(ONE_TEXT)
    assert [name for name, form in FORMS.items() if not form.draws] == list(TRAINS_ALL)


MADE = {
    "people": ({"order": ["people", "general"]}, "add people to tags.order"),
    "year": ({"year": "year {}"}, "set tags.year or tags.eras"),
    "quality": ({"quality": {"words": {"best": 50}}}, "set tags.quality.words"),
    "size": ({"sizes": {"highres": 2000000}}, "set tags.orientation or tags.sizes"),
}


@pytest.mark.parametrize("part", MADE)
def test_a_part_that_nothing_makes_is_an_error_that_names_what_does(part):
    template = f"{{{part}}} {{tags}}"
    tags, remedy = MADE[part]
    line = f"variants.0.template: '{template}': no post has the part {{{part}}}: {remedy}, or leave the part out"
    assert errors(text={"variants": [{"template": template}]}) == [f"text.{line}"]
    assert errors(a={"form": "folder", "variants": [{"template": template}]}) == [f"exports.a.{line}"]
    assert not errors(tags=tags, text={"variants": [{"template": template}]})


def test_a_part_whose_column_is_not_named_is_an_error():
    parts = {"artist": "artist", "characters": "character", "copyrights": "copyright", "meta": "meta", "rating": "rating"}
    variants = [{"template": "{tags} " + "".join(f"{{{part}}}" for part in parts)}]
    assert not errors(text={"variants": variants})
    for part, column in parts.items():
        (found,) = errors(text={"variants": variants}, columns={column: None})
        assert f"no post has the part {{{part}}}: name the column in inputs.columns.{column}, or" in found


def test_every_part_is_tags_general_captions_or_one_that_may_be_empty():
    assert {*empty_parts(dict.fromkeys((*CATEGORIES, "rating")), tag_policy_of({})), "tags", "caption", "general"} == set(PARTS)


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
