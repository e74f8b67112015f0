"""The config section `inputs`: kinds of files, checks before the first job, and a digest of the image folder.

Snakemake imports this module whenever it starts, so it must not import polars or pyarrow.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from booruflow.core.errors import UserError


def is_csv(path: str) -> bool:
    """Whether a metadata file is CSV, by its name; any other is read as parquet."""
    return path.lower().endswith((".csv", ".csv.gz"))


def is_json(path: str) -> bool:
    """Whether a file of existing captions is JSON, by its name; `.parquet` and `.pq` are parquet, anything else is JSON."""
    return not path.lower().endswith((".parquet", ".pq"))


def check_inputs(config: Mapping[str, Any]) -> None:
    """Check what the schema cannot express: files exist, are of one kind within a source, and columns are named once.

    Raises:
        UserError: one line that names the config key.
    """
    inputs = config["inputs"]
    key_of: dict[str, str] = {}
    for key, column in inputs["columns"].items():
        if column in key_of:
            raise UserError(
                f"config.yaml: inputs.columns: {key_of[column]} and {key} are both '{column}': set a different column for each"
            )
        if column is not None:
            key_of[column] = key
    for key, uses in _uses_of_columns(config).items():
        if inputs["columns"].get(key, key) is None and uses:
            raise UserError(
                f"config.yaml: {uses[0]}: inputs.columns.{key} is null, no post has a {key}: remove it, or name the column"
            )
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


def _uses_of_columns(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The keys with which a config selects posts by rating or by score."""
    subsets = config["subsets"].items()
    edges = ["tokens.score_edges"] if config["tokens"]["score_edges"] else []
    return {
        "rating": [f"subsets.{name}.ratings" for name, conditions in subsets if conditions.get("ratings")],
        "score": [f"subsets.{name}.min_score" for name, conditions in subsets if "min_score" in conditions] + edges,
    }


def listing_digest(folder: str | Path) -> str:
    """A digest of the image folder's file names and of the sizes of its tars and indexes, 16 hex digits. Reads no image.

    A folder that does not exist has the digest of an empty folder.
    """
    digest = hashlib.sha256()
    if folder and Path(folder).is_dir():
        with os.scandir(folder) as entries:
            listing = sorted((e.name, e.stat().st_size if e.name.endswith((".tar", ".json")) else 0) for e in entries)
        for name, size in listing:
            digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]
