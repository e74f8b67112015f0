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


def export_errors(config: Mapping[str, Any], views: Iterable[str]) -> Iterator[str]:
    """What is wrong with the sections `text` and `exports`, one line each; `views` are the names of further captions."""
    parts = parts_with(views)
    yield from _template_errors("text", config["text"]["variants"], parts)
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
        if export["form"] == "aozora" and export["variants"] is not None:
            yield f"{where}.variants: the form aozora has four texts of its own: remove the key, or choose another form"
        yield from _template_errors(where, export["variants"] or [], parts)


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
    tags = {"policies": config["tags"]["policies"], "order": policy["order"], "underscores": policy["underscores"]}
    return {"posts": posts, "model": captioner and f"{captioner['model']}{revision}{style}", "tags": tags}


def _template_errors(where: str, variants: list[Mapping[str, Any]], parts: Sequence[str]) -> Iterator[str]:
    for number, variant in enumerate(variants):
        try:
            check_template(variant["template"], parts)
        except UserError as error:
            yield f"{where}.variants.{number}.template: {error}"
