"""The config section `inputs`: kinds of files, checks before the first job, and the trainer's name of a folder.

Snakemake imports this module whenever it starts, so it must not import polars or pyarrow.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path, PureWindowsPath
from typing import Any

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole, read_json, reading
from booruflow.sources.images.names import fixed_parts, name_pattern


def is_csv(path: str) -> bool:
    """Whether a metadata file is CSV, by its name; any other is read as parquet."""
    return path.lower().endswith((".csv", ".csv.gz"))


def is_json(path: str) -> bool:
    """Whether a file of existing captions is JSON, by its name; `.parquet` and `.pq` are parquet, anything else is JSON."""
    return not path.lower().endswith((".parquet", ".pq"))


def image_folders(images: str | Sequence[str]) -> list[str]:
    """The folders that inputs.images names: one, several or none."""
    return [folder for folder in ([images] if isinstance(images, str) else images) if folder]


def input_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """What the schema of the config cannot express, one line each: files exist and are of one kind, columns are named once."""
    inputs = config["inputs"]
    key_of: dict[str, str] = {}
    for key, column in inputs["columns"].items():
        if column in key_of:
            yield f"inputs.columns: {key_of[column]} and {key} are both '{column}': set a different column for each"
        elif column is not None:
            key_of[column] = key
    for key, uses in _uses_of_columns(config).items():
        if inputs["columns"].get(key, key) is None and uses:
            yield f"{uses[0]}: inputs.columns.{key} is null, no post has a {key}: remove it, or name the column"
    yield from _subset_errors(config["subsets"])
    for k, source in enumerate(inputs["captions"]):
        if len({is_json(path) for path in source["files"]}) > 1:
            yield f"inputs.captions.{k}.files: parquet and JSON files in one source: split it into two sources"
        if len(set(source["columns"])) < len(source["columns"]):
            yield f"inputs.captions.{k}.columns: a column is listed twice: list each once"
    caption_files = [path for source in inputs["captions"] for path in source["files"]]
    files = {"metadata": inputs["metadata"], "captions": caption_files, "resolutions": [inputs["resolutions"]]}
    for key, paths in files.items():
        yield from (f"inputs.{key}: {path}: no such file: correct the path" for path in paths if path and not Path(path).exists())
    yield from _image_errors(image_folders(inputs["images"]), inputs["image_name"])


def _subset_errors(subsets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, conditions in subsets.items():
        tags = [(key, tag) for key in ("all", "any", "none", "at_most") for tag in conditions.get(key, ())]
        for key, tag in tags:
            if tag.split() != [tag]:
                yield f"subsets.{name}.{key}: {tag!r} is no tag: write tags as the booru does, such as red_hair"
        for key in ("from_date", "before_date"):
            try:
                date.fromisoformat(conditions.get(key, "2000-01-01"))
            except ValueError:
                yield f"subsets.{name}.{key}: there is no day '{conditions[key]}': correct it"
        for least, most in (("from_date", "before_date"), ("min_aspect", "max_aspect"), ("min_tags", "max_tags")):
            low, high = conditions.get(least), conditions.get(most)
            if low is not None and high is not None and (low > high or (low == high and least == "from_date")):
                yield f"subsets.{name}: no post has {least} {low} and {most} {high}: correct one of them"
        if "ids" in conditions and not Path(conditions["ids"]).is_file():
            reason = "a folder, not a file" if Path(conditions["ids"]).is_dir() else "no such file"
            yield f"subsets.{name}.ids: {conditions['ids']}: {reason}: correct the path"
        if "seed" in conditions and not (conditions.get("at_most") or "sample" in conditions):
            yield f"subsets.{name}.seed: nothing is drawn without sample or at_most: add one of them, or remove the key"


def _uses_of_columns(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The keys with which a config selects posts by rating or by score."""
    subsets = config["subsets"].items()
    edges = ["tokens.score_edges"] if config["tokens"]["score_edges"] else []
    return {
        "rating": [f"subsets.{name}.ratings" for name, conditions in subsets if conditions.get("ratings")],
        "score": [f"subsets.{name}.min_score" for name, conditions in subsets if "min_score" in conditions] + edges,
    }


def _named_inputs(inputs: Mapping[str, Any]) -> list[str]:
    """All files and folders that the config section `inputs` names."""
    captions = [path for source in inputs["captions"] for path in source["files"]]
    return [path for path in (*inputs["metadata"], *captions, *image_folders(inputs["images"]), inputs["resolutions"]) if path]


def record_inputs(inputs: Mapping[str, Any], record: Path) -> None:
    """Write down which inputs the results are made of, for `refuse_other_inputs`."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with open_whole(record) as file:
        file.write(json.dumps(_named_inputs(inputs), ensure_ascii=False, indent=1).encode("utf-8", "surrogateescape") + b"\n")


def refuse_other_inputs(inputs: Mapping[str, Any], record: Path) -> None:
    """Keep the results of one data set from being replaced by those of another.

    Raises:
        UserError: the config names none of the inputs in `record`, which the results beside it were made of; or this is damaged.
    """
    if not record.exists():
        return
    recorded = read_json(record, "delete it")
    if not isinstance(recorded, list) or not all(isinstance(path, str) for path in recorded):
        raise UserError(f"{record}: damaged: delete it")
    if not set(recorded) & set(_named_inputs(inputs)):
        raise UserError(
            f"config.yaml: inputs: {record.parent}/ was made of other files ({', '.join(recorded[:3])}): make a folder for the"
            f" other data set (booruflow init FOLDER), or, if only names have changed, delete {record}"
        )


def _image_errors(folders: Sequence[str], image_name: str) -> Iterator[str]:
    try:
        name_pattern(image_name)
    except UserError as error:
        yield str(error).removeprefix("config.yaml: ")
        return
    if not folders and fixed_parts(image_name) is None:
        yield f"inputs.image_name: '{image_name}': without inputs.images the names are not known: use only {{id}}"
    for folder in folders:
        if not Path(folder).is_dir():
            yield f"inputs.images: {folder}: no such folder: correct the path"
        elif Path.cwd().is_relative_to(Path(folder).resolve()):
            yield f"inputs.images: {folder}: contains the results: name a folder of images only"


def trainer_folder(folder: str) -> str:
    r"""Where the trainer finds the images of a folder, to be put before their paths below it: absolute, with a separator.

    A Windows folder (`D:\data`, `\\server\share`) is taken as it is, since it is not of this machine.
    """
    if PureWindowsPath(folder).is_absolute():
        separator = "\\" if "\\" in folder else "/"
        return folder.rstrip("\\/") + separator
    return str(Path(folder).absolute()).rstrip("/") + "/"


def trainer_folders(folder: str, images: Sequence[str]) -> dict[str, str]:
    """The `trainer_folder` of each image folder, or of "" if there is none; it is `folder`, if that is not empty."""
    return {source: trainer_folder(folder or source) for source in images or [""]}


def list_edited(folder: str | Path) -> tuple[list[str], list[str]]:
    """The files of edited entries in a folder, sorted, and the names of what else lies there and is not hidden or a backup.

    They are called `*.json`, in capitals or not. A folder that does not exist, or "", has none.

    Raises:
        UserError: the folder or such a file cannot be read, or Snakemake would not understand its name.
    """
    if not folder or not os.path.lexists(folder):
        return [], []
    with reading(folder):
        names = sorted(path.name for path in Path(folder).iterdir() if path.name[0] != "." and path.name[-1] != "~")
    files = [str(Path(folder, name)) for name in names if name.lower().endswith(".json")]
    for path in files:
        if not (Path(path).is_file() and os.access(path, os.R_OK)):
            raise UserError(f"{path}: not a readable file, or a link to none: restore the file or remove the name")
        if "{" in path or "}" in path:
            raise UserError(f"{path}: a file name with braces: rename the file")
    return files, [name for name in names if not name.lower().endswith(".json")]
