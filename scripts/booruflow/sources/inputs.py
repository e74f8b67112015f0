"""The config section `inputs`: kinds of files, checks before the first job, and a digest of the image folder.

Snakemake imports this module whenever it starts, so it must not import polars or pyarrow.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from booruflow.core.errors import UserError
from booruflow.core.files import reading


def is_csv(path: str) -> bool:
    """Whether a metadata file is CSV, by its name; any other is read as parquet."""
    return path.endswith((".csv", ".csv.gz"))


def is_json(path: str) -> bool:
    """Whether a file of existing captions is JSON, by its name; `.parquet` and `.pq` are parquet, anything else is JSON."""
    return not path.endswith((".parquet", ".pq"))


def check_inputs(inputs: Mapping[str, Any]) -> None:
    """Check what the schema cannot express: files exist, are of one kind within a source, and columns are named once.

    Raises:
        UserError: one line that names the config key.
    """
    key_of: dict[str, str] = {}
    for key, column in inputs["columns"].items():
        if column in key_of:
            raise UserError(
                f"config.yaml: inputs.columns: {key_of[column]} and {key} are both '{column}': set a different column for each"
            )
        key_of[column] = key
    if len({is_csv(path) for path in inputs["metadata"]}) > 1:
        raise UserError("config.yaml: inputs.metadata: parquet and CSV files together: convert one kind to the other")
    for k, source in enumerate(inputs["captions"]):
        if len({is_json(path) for path in source["files"]}) > 1:
            raise UserError(
                f"config.yaml: inputs.captions.{k}.files: parquet and JSON files in one source: split it into two sources"
            )
        if len(set(source["columns"])) < len(source["columns"]):
            raise UserError(f"config.yaml: inputs.captions.{k}.columns: a column is listed twice: list each once")
    caption_files = [path for source in inputs["captions"] for path in source["files"]]
    files = {"metadata": inputs["metadata"], "captions": caption_files, "resolutions": [inputs["resolutions"]]}
    for key, paths in files.items():
        for path in filter(None, paths):
            if not Path(path).exists():
                raise UserError(f"config.yaml: inputs.{key}: {path}: no such file: correct the path")


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


def listing_digest(folder: str | Path) -> str:
    """A digest of the image folder's file names and of the sizes of its tars and indexes, 16 hex digits. Reads no image.

    A folder that does not exist or cannot be read has the digest of an empty folder, and a link to no file counts as empty:
    the rule images names them, and no other rule fails for them.
    """
    digest = hashlib.sha256()
    with suppress(OSError), os.scandir(folder) as entries:
        for name, size in sorted((e.name, _size(e) if e.name.endswith((".tar", ".json")) else 0) for e in entries):
            digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0
