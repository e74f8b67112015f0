"""The config sections `text` and `exports`: what the schema cannot express. Imported by Snakemake, without data libraries."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from booruflow.core.errors import UserError
from booruflow.texts.templates import check_template, parts_with

IMAGES = {
    "sd-scripts": ("none", "link", "copy", "encode"),
    "folder": ("copy", "link", "encode", "none"),
    "diffusion-pipe": ("link", "copy", "encode"),
    "musubi": ("none", "link", "copy", "encode"),
    "ai-toolkit": ("none", "link", "copy", "encode"),
    "simpletuner": ("link", "copy", "encode"),
    "imagefolder": ("copy", "link", "encode"),
    "webdataset": ("copy", "encode"),
    "aozora": ("copy", "link", "encode", "none"),
}
"""For each form what it takes for `images`; the first is the default."""

ONE_TEXT = ("musubi", "ai-toolkit")
"""Forms with one text an image."""

TRAINS_ALL = ("diffusion-pipe",)
"""Forms whose trainer draws none of several texts, so that weights do not count."""


def export_errors(
    config: Mapping[str, Any], policy: Mapping[str, Any], views: Iterable[str], given: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """What is wrong with the sections `text` and `exports`, one line each.

    Args:
        config: all of it.
        policy: the tag policy.
        views: the names of further captions.
        given: the section `exports` without defaults.
    """
    parts, empty = parts_with(views), empty_parts(config["inputs"]["columns"], policy)
    yield from _template_errors("text", config["text"]["variants"], parts, empty)
    for name, export in config["exports"].items():
        where = f"exports.{name}"
        if export["subset"] is not None and export["subset"] not in config["subsets"]:
            known = f"one of {', '.join(config['subsets'])}" if config["subsets"] else "define it under subsets"
            yield f"{where}.subset: no subset '{export['subset']}': {known}, or null for all posts"
        ways = IMAGES[export["form"]]
        if export["images"] is not None and export["images"] not in ways:
            yield f"{where}.images: the form {export['form']} takes {', '.join(ways)}, not {export['images']}"
        elif export_settings(config, name)["images"] != "none" and not config["inputs"]["images"]:
            remedy = "name a folder there" + (", or set images: none" if "none" in ways else "")
            yield f"{where}: inputs.images is empty, so there are no images to export: {remedy}"
        for key, reason in _ignored_keys(export_settings(config, name), given[name]):
            yield f"{where}.{key}: {reason}, or remove the key"
        yield from _template_errors(where, export["variants"] or [], parts, empty)


def export_settings(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings of one export, with the form's way of images and the variants of `text` where it has none of its own."""
    export = config["exports"][name]
    variants = config["text"]["variants"] if export["variants"] is None else export["variants"]
    return {**export, "images": export["images"] or IMAGES[export["form"]][0], "variants": variants}


def export_facts(
    config: Mapping[str, Any], name: str, policy: Mapping[str, Any], captioner: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the README of an export says of its data set: `posts`, which were selected; `model`, the captioner; `tags`.

    Args:
        config: all of it.
        name: of the export.
        policy: the tag policy.
        captioner: the config section of that name; None if no captions are generated.
    """
    subset = config["exports"][name]["subset"]
    posts = "all" if subset is None else f"subset {subset}: {json.dumps(config['subsets'][subset], ensure_ascii=False)}"
    revision = f" ({captioner['revision']})" if captioner and captioner["revision"] else ""
    style = f", style {captioner['style']}" if captioner and captioner["style"] else ""
    tags = {"policies": config["tags"]["policies"], **{key: policy[key] for key in ("order", "underscores", "divider")}}
    return {"posts": posts, "model": captioner and f"{captioner['model']}{revision}{style}", "tags": tags}


def empty_parts(columns: Mapping[str, str | None], policy: Mapping[str, Any]) -> dict[str, str]:
    """The parts of texts that no post can have, each with what makes it.

    Args:
        columns: the config section inputs.columns.
        policy: the tag policy.
    """
    sources = {
        "people": ("people" in policy["order"], "add people to tags.order"),
        "year": (policy["year"] or policy["eras"], "set tags.year or tags.eras"),
        "quality": (policy["quality"]["words"], "set tags.quality.words"),
        "size": (policy["orientation"] or policy["sizes"], "set tags.orientation or tags.sizes"),
    }
    of_columns = {"artist": "artist", "characters": "character", "copyrights": "copyright", "meta": "meta", "rating": "rating"}
    sources |= {part: (columns[name], f"name the column in inputs.columns.{name}") for part, name in of_columns.items()}
    return {part: remedy for part, (source, remedy) in sources.items() if not source}


def _ignored_keys(settings: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys that are given to an export and change nothing, each with the reason."""
    form, images = settings["form"], settings["images"]
    keys = {key for key, value in given.items() if value is not None}
    if "encode" in keys and images != "encode":
        yield "encode", f"no image is encoded with images: {images}: set images: encode"
    elif "quality" in (given.get("encode") or {}) and settings["encode"]["format"] == "png":
        yield "encode.quality", "png has no quality: set encode.format to webp or jpg"
    if "extension" in keys and form != "folder":
        yield "extension", f"the form {form} has no text files: choose the form folder"
    if "tars" in keys and form != "webdataset":
        yield "tars", f"the form {form} writes no tars: choose the form webdataset"
    if form == "aozora":
        for key in ("variants", "captions"):
            if key in keys:
                yield key, "the form aozora has four texts of its own: choose another form"
    elif form in ONE_TEXT and given.get("captions") == "all":
        yield "captions", f"the form {form} has one text an image: set one"
    elif (
        form in TRAINS_ALL
        and settings["captions"] == "all"
        and len({each.get("weight", 1) for each in given.get("variants") or []}) > 1
    ):
        yield "variants", f"weights do not count with the form {form}, which trains every text: set captions: one"


def _template_errors(
    where: str, variants: list[Mapping[str, Any]], parts: Sequence[str], empty: Mapping[str, str]
) -> Iterator[str]:
    for number, variant in enumerate(variants):
        try:
            check_template(variant["template"], parts, empty)
        except UserError as error:
            yield f"{where}.variants.{number}.template: {error}"
