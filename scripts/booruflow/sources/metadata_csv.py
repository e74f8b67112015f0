"""Metadata in CSV, such as BigQuery exports it: any number of files converted to one parquet file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from tqdm import tqdm

from booruflow.core.progress import progress
from booruflow.core.tables import write_stream
from booruflow.sources.posts import metadata_columns, posts_schema
from booruflow.sources.tables.columns import Column, Place, converted
from booruflow.sources.tables.csv_rows import CsvFile, csv_batches, csv_header
from booruflow.sources.tables.sorted_rows import CONVERTED_FROM, Ids, refuse_duplicates

FIRST_ROW = 2
"""After the header."""


def csv_to_parquet(paths: Sequence[str | Path], target: str | Path, names: Mapping[str, str | None]) -> int:
    """Write CSV files (RFC 4180, UTF-8, a header in each; plain or .gz) as one parquet file; return the number of rows.

    Values may be quoted, contain line breaks, and be empty: `""` and nothing at all are both empty text. Columns may be in any
    order; those not in `names` are dropped, the others keep their names. Rows keep their order.

    Args:
        paths: CSV files; those with a header alone are passed over.
        target: the parquet file.
        names: the config section inputs.columns.

    Raises:
        UserError: a file or column is missing, a row is broken, an id is invalid or occurs twice; file and row are named,
            row 1 being the header.
    """
    id_name = str(names["id"])
    wanted = posts_schema(_header_names(paths, str(names["id"])), names)
    columns = [
        replace(column, name=column.source)
        for column in metadata_columns(names)
        if column.source is not None and column.name in wanted
    ]
    schema = {id_name: pl.Int64} | {column.name: column.dtype for column in columns}
    ids_of: list[Ids] = []

    def origins() -> dict[bytes, bytes]:
        files = [(str(path), len(ids), FIRST_ROW) for path, ids in zip(paths, ids_of, strict=True)]
        return {CONVERTED_FROM: json.dumps(files).encode()}

    return write_stream(target, _rows(paths, id_name, columns, ids_of), schema, origins)


def _header_names(paths: Sequence[str | Path], id_name: str) -> set[str]:
    """The columns of all files."""
    found: set[str] = set()
    for path in paths:
        with tqdm(disable=True) as bar, CsvFile(path, bar) as file:
            found.update(csv_header(path, file, [Column("id", id_name, pl.Int64)])[0])
    return found


def _rows(paths: Sequence[str | Path], id_name: str, columns: Sequence[Column], ids_of: list[Ids]) -> Iterator[pl.DataFrame]:
    """The rows of all files; the ids of each are added to `ids_of`."""
    with progress(sum(Path(path).stat().st_size for path in paths if Path(path).exists()), "CSV", "B") as bar:
        for path in paths:
            ids = [np.empty(0, np.int64)]
            with CsvFile(path, bar) as file:
                read = [Column("id", id_name, pl.Int64), *columns]
                header, has_rows = csv_header(path, file, read)
                for batch in csv_batches(path, file, header, read) if has_rows else ():
                    frame = converted(batch, id_name, columns, Place(path, FIRST_ROW + sum(map(len, ids))))
                    ids.append(frame["id"].to_numpy())
                    yield frame.rename({"id": id_name})
            ids_of.append(np.concatenate(ids))
    refuse_duplicates(paths, ids_of, first=FIRST_ROW)
