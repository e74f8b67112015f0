"""The README.md of an export: what it holds, how it was made, how a trainer is pointed at it; for the Hub a dataset card."""

import json
from collections.abc import Mapping
from typing import Any

from booruflow.exports.interface import Export, Form
from booruflow.texts.templates import DEFAULT

HUB_FORMS = {"imagefolder": "data/**", "webdataset": "data/*.tar"}
"""The forms that `datasets.load_dataset` opens, with their data files in the folder of the export."""

_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
_SIZE_NAMES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
"""The Hub's size categories (huggingface/hub-docs, datasetcard.md)."""

IMAGES = {
    "none": "are where they were",
    "link": "are links to where they were",
    "copy": "are copies, byte for byte",
    "encode": "were encoded again",
}


def readme_text(export: Export, form: Form, facts: Mapping[str, Any]) -> bytes:
    """The text of README.md.

    Args:
        export: when all else is written; `form.usage` may write further files.
        form: of the export.
        facts: `posts`, what was selected; `model`, the captioner, None if none ran; `tags`, of the tag policy.
    """
    settings, counts = export.settings, export.counts
    usage = form.usage(export)
    head = _card_head(export) if settings["form"] in HUB_FORMS else ""
    variants = settings["variants"] or [{"template": DEFAULT}]
    images = IMAGES[settings["images"]]
    if settings["images"] == "encode":
        encode = settings["encode"]
        limits = [
            f"at most {encode[name]:,} {unit}"
            for name, unit in (("max_pixels", "pixels"), ("max_side", "pixels a side"))
            if encode[name]
        ]
        images += f" as {encode['format']}{', ' if limits else ''}{', '.join(limits)}"
    rows = [
        ("texts of", f"{counts['texts']:,} images"),
        ("posts", facts["posts"]),
        ("images", images),
        ("left out, without a training resolution", f"{counts.get('without a training resolution', 0):,}"),
        ("left out, without an image", f"{counts.get('without an image', 0):,}"),
        ("templates", ", ".join(f"`{each['template']}` ({each.get('weight', 1)})" for each in variants)),
        ("of several texts", _several(export, form)),
        ("tag policies", ", ".join(facts["tags"]["policies"]) or "none"),
        ("tags", f"order {', '.join(facts['tags']['order'])}; underscores {facts['tags']['underscores']}"),
        ("captions by", facts["model"] or "existing captions only"),
    ]
    table = "\n".join(f"| {name} | {_cell(str(value))} |" for name, value in rows)
    texts = "\n\n".join("````\n" + text + "\n````" for text in export.examples)
    return f"""{head}# {export.name}

{usage}
## What it holds

| | |
|---|---|
{table}

Files, with sizes and sha256, are listed in `files.tsv`. Made by booruflow with the export `{export.name}` (form
`{settings["form"]}`) of its config; the same inputs and config give the same bytes.

The first texts:

{texts}
""".encode()


def _several(export: Export, form: Form) -> str:
    if not export.has_several:
        return "each image has one"
    if form.several == "one":
        return f"one is drawn for each image by a hash of its id and the seed {export.seed}, with the weights in brackets"
    if form.draws:
        return "all are there, as often as the weights in brackets say; the trainer draws"
    return "all are there, and all are trained"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _card_head(export: Export) -> str:
    """The YAML head of a dataset card."""
    size = _SIZE_NAMES[sum(export.counts["texts"] >= limit for limit in _SIZES)]
    return f"""---
pretty_name: {json.dumps(export.name)}
# license: choose one before you publish, see https://huggingface.co/docs/hub/repositories-licenses
language:
- en
task_categories:
- text-to-image
size_categories:
- {size}
configs:
- config_name: default
  data_files:
  - split: train
    path: {HUB_FORMS[export.settings["form"]]}
---

"""
