"""Make the folder of a data set: its config.yaml for the user's own files, and a link to the workflow."""

import os
import shlex
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import yaml

import booruflow
from booruflow.cli.config_text import config_text
from booruflow.cli.image_names import PLAIN
from booruflow.cli.recognition import MANY_IMAGES, Recognised, recognise
from booruflow.core.config import Tree, check_config
from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import open_whole, writing
from booruflow.sources.inputs import is_csv

NULLABLE = ("rating", "score", "artist", "character", "copyright", "meta")
"""Columns of which the config says with null that there is none; other columns that are not found may be absent."""

SCHEMA = "rules/schemas/config.schema.yaml"

IMAGES_PER_SHARD = 500
"""Of a data set with few images: a job needs several minutes for so many, and a minute to load the model."""

WHOLE_BOORU = 1_000_000
"""Posts from which tags need as many posts for a token as docs/tokens.md recommends for a whole booru."""


def init_folder(folder: Path, paths: Sequence[Path]) -> Iterator[str]:
    """Make the folder of a data set from files of metadata, captions, resolutions, and a folder of images.

    Snakemake finds Snakefile and profile through the link `workflow`. To use another clone of the code, change the link.

    Returns: lines that say what was found, and how to go on.

    Raises:
        UserError: the folder is a data set already, or a file is of no known kind; then nothing is made.
    """
    code = Path(booruflow.__file__).resolve().parents[2]
    if not (code / "Snakefile").exists():
        raise UserError(f"{code}: no Snakefile there: install booruflow from a clone, with `make` or `pip install --editable`")
    if (folder / "config.yaml").exists():
        raise UserError(f"{folder}: is a data set already: edit its config.yaml, or give another folder")
    found = recognise(paths)
    schema = yaml.safe_load((code / SCHEMA).read_text("utf-8"))
    config = check_config(_settings(found, folder), schema)
    with writing(folder):
        (folder / "edited").mkdir(parents=True, exist_ok=True)
        link = folder / "workflow"
        link.unlink(missing_ok=True)
        link.symlink_to(code, target_is_directory=True)
    with open_whole(folder / "config.yaml") as file:
        file.write(config_text(schema, config, f"workflow/{SCHEMA}").encode())
    return _report(found, folder)


def _settings(found: Recognised, folder: Path) -> Tree:
    """The configuration for what was found; keys that it lacks have their defaults."""
    if len(found.resolutions) > 1:
        raise UserError(
            f"{found.resolutions[1]}: {found.resolutions[0]} has resolutions too, and only one file is possible: leave one out"
        )
    folders = [_from(folder, path) for path in found.images]
    image_name = {} if found.image_names.template == PLAIN else {"image_name": found.image_names.template}
    inputs: dict[str, Any] = {
        "metadata": [_from(folder, path) for path in found.metadata] or ["metadata.parquet"],
        "columns": {key: name for key, name in found.columns.items() if name or key in NULLABLE},
        "captions": [{**source, "files": [_from(folder, path) for path in source["files"]]} for source in found.captions],
        "images": folders if len(folders) > 1 else "".join(folders),
        **image_name,
        "resolutions": "".join(_from(folder, path) for path in found.resolutions),
    }
    min_count = {"general": 128, "artist": 128, "character": 128, "copyright": 100, "meta": 100}
    images = sum(found.images.values())
    return {
        "inputs": inputs,
        **({"captions": {"shards": ceil(images / IMAGES_PER_SHARD)}} if 0 < images < MANY_IMAGES else {}),
        **({"tokens": {"min_count": min_count}} if found.posts >= WHOLE_BOORU else {}),
    }


def _from(folder: Path, path: str) -> str:
    """A path as config.yaml says it: relative if it is inside the folder, so that both can be moved together."""
    inside = Path(os.path.relpath(path, folder))
    return str(Path(path).absolute()) if ".." in inside.parts else inside.as_posix()


def _report(found: Recognised, folder: Path) -> Iterator[str]:
    some = found.metadata or found.captions or found.images or found.resolutions
    yield f"{folder}/config.yaml written{', for' if some else ''}"
    if not found.metadata:
        yield "  no metadata: name its files in inputs.metadata and its columns in inputs.columns"
    else:
        columns = ", ".join(key if key == name else f"{key} = {name}" for key, name in found.columns.items() if name)
        where = " in the parquet files" if any(map(is_csv, found.metadata)) else ""
        rows = f", {counted_noun(found.posts, 'row')}{where}" if found.posts else ""
        yield f"  metadata: {', '.join(found.metadata)}{rows}; {columns}"
        absent = [key for key, name in found.columns.items() if not name]
        if absent:
            yield f"    without a column for {', '.join(absent)}"
    for source in found.captions:
        columns = f"; id = {source['id']}, text = {' + '.join(source['columns'])}" if "columns" in source else ""
        yield f"  captions: {', '.join(source['files'])}{columns}"
    for path, count in found.images.items():
        yield f"  images: {path}, {counted_noun(count, 'image')}{' or more' if count == MANY_IMAGES else ''}"
        if not count:
            yield "    warning: no image in it: put the images there before you run anything, or correct inputs.images"
    yield from (f"  resolutions: {path}" for path in found.resolutions)
    names = found.image_names
    if names.of_posts:
        yield f"    images are called {names.template}, as {names.of_posts:,} of {names.looked_at:,} that were looked at"
    elif names.looked_at:
        yield f"    none of the {names.looked_at:,} names looked at has an id of the metadata: set inputs.image_name"
    yield "Next: check config.yaml, name a model (captioner.model) or set captions.generate to false, then"
    yield f"  cd {shlex.quote(str(folder))}"
    yield "  snakemake --cores 8 trial    # a few captions to look at, and how long all will take"
    yield "  snakemake -n                 # the plan"
