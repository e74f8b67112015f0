"""The config section `inputs`: kinds of files, checks before the first job, and the trainer's name of a folder.

Snakemake imports this module whenever it starts, so it must not import polars or pyarrow.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from booruflow.core.errors import UserError
from booruflow.sources.images.names import fixed_parts, name_pattern


def is_csv(path: str) -> bool:
    """Whether a metadata file is CSV, by its name; any other is read as parquet."""
    return path.endswith((".csv", ".csv.gz"))


def is_json(path: str) -> bool:
    """Whether a file of existing captions is JSON, by its name; `.parquet` and `.pq` are parquet, anything else is JSON."""
    return not path.endswith((".parquet", ".pq"))


def image_folders(images: str | Sequence[str]) -> list[str]:
    """The folders that inputs.images names: one, several or none."""
    return [folder for folder in ([images] if isinstance(images, str) else images) if folder]


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
    _check_images(image_folders(inputs["images"]), inputs["image_name"])


def _check_images(folders: Sequence[str], image_name: str) -> None:
    name_pattern(image_name)
    if not folders and fixed_parts(image_name) is None:
        raise UserError(
            f"config.yaml: inputs.image_name: '{image_name}': without inputs.images the names are not known: use only {{id}}"
        )
    for folder in folders:
        if Path.cwd().is_relative_to(Path(folder).resolve()):
            raise UserError(f"config.yaml: inputs.images: {folder}: contains the results: name a folder of images only")


def trainer_folder(folder: str) -> str:
    r"""Where the trainer finds the images of a folder, to be put before their paths below it: absolute, with a separator.

    A Windows folder (`D:\data`, `\\server\share`) is taken as it is, since it is not of this machine.
    """
    if PureWindowsPath(folder).is_absolute():
        separator = "\\" if "\\" in folder else "/"
        return folder.rstrip("\\/") + separator
    return str(Path(folder).absolute()).rstrip("/") + "/"
