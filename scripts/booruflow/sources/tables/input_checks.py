"""Input tables and JSON, checked before the first job: columns are there, once, ids can be found, and JSON is an object."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from booruflow.core.errors import UserError
from booruflow.core.tables import open_table
from booruflow.sources.inputs import is_csv, is_json
from booruflow.sources.json_object import check_opening
from booruflow.sources.posts import OPTIONAL, metadata_columns
from booruflow.sources.tables.columns import Column, check_columns
from booruflow.sources.tables.csv_rows import CsvFile, csv_header
from booruflow.sources.tables.sorted_rows import find_id_column


def table_errors(inputs: Mapping[str, Any]) -> list[str]:
    """What is wrong with the tables and JSON files of the config section `inputs` that exist, one line each. Reads no rows."""
    names, resolutions = inputs["columns"], inputs["resolutions"]
    checks = [("metadata", path, partial(_check, path, names["id"], metadata_columns(names))) for path in inputs["metadata"]]
    for k, source in enumerate(inputs["captions"]):
        columns = [Column(name, name, pl.String) for name in source["columns"]]
        for path in source["files"]:
            check = partial(check_opening, path) if is_json(path) else partial(_check, path, source["id"], columns)
            checks.append((f"captions.{k}", path, check))
    if resolutions:
        checks.append(("resolutions", resolutions, partial(check_opening, resolutions)))
    errors = []
    for key, path, check in checks:
        if Path(path).exists():
            try:
                check()
            except UserError as error:
                errors.append(f"config.yaml: inputs.{key}: {error}")
    return errors


def present_columns(inputs: Mapping[str, Any]) -> set[str]:
    """The columns of posts that a metadata file has, by their names in `inputs.columns`; files that do not exist are passed over.

    Raises:
        UserError: a file cannot be read.
    """
    found = _found_columns(inputs)
    return {name for name, source in inputs["columns"].items() if source in found}


def misnamed_columns(inputs: Mapping[str, Any]) -> Iterator[str]:
    """A line for each column that may be absent, but whose name was set in `inputs.columns` and is in no metadata file.

    Raises:
        UserError: a file cannot be read.
    """
    found = _found_columns(inputs)
    for key in OPTIONAL:
        name = inputs["columns"].get(key)
        if name not in (None, key, *found):
            nearest = difflib.get_close_matches(name, sorted(found), n=1, cutoff=0.5)
            hint = f"did you mean {nearest[0]}?" if nearest else f"they have {', '.join(sorted(found))}:"
            yield f"config.yaml: inputs.columns.{key}: no metadata file has a column '{name}'; {hint} correct it, or set null"


def _found_columns(inputs: Mapping[str, Any]) -> set[str]:
    return {name for path in inputs["metadata"] if Path(path).exists() for name in _column_names(path)}


def _column_names(path: str) -> list[str]:
    if not is_csv(path):
        return list(open_table(path).schema_arrow.names)
    with tqdm(disable=True) as bar, CsvFile(path, bar) as file:
        return csv_header(path, file, [])[0]


def _check(path: str, id_name: str, columns: Sequence[Column]) -> None:
    if is_csv(path):
        with tqdm(disable=True) as bar, CsvFile(path, bar) as file:
            csv_header(path, file, [Column("id", id_name, pl.Int64), *columns])
    else:
        table = open_table(path)
        find_id_column(table, path, id_name)
        check_columns(path, table.schema_arrow.names, columns)
