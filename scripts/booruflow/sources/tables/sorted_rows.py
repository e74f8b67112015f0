"""Parquet tables of other tools: ids and text checked, rows sorted by id."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tqdm import tqdm

from booruflow.core.errors import UserError, counted_noun, first_line
from booruflow.core.progress import progress
from booruflow.core.streams import ROWS, Stream, prefetched
from booruflow.core.tables import open_table, require_columns
from booruflow.sources.tables.columns import Column, Place, check_columns, converted, plain, post_ids

PART_ROWS = 100_000
"""Rows sorted in memory at a time, where a table is not sorted yet."""

UNNAMED_INDEX = re.compile(r"__index_level_\d+__")
"""The column that pandas writes for an index without a name."""

CONVERTED_FROM = b"converted from"
"""Key of the metadata of a table that was converted: a JSON list of files, each with its number of rows and its first row."""

Ids = NDArray[np.int64]


def sorted_rows(paths: Sequence[str | Path], id_column: str, columns: Sequence[Column], spool: Path, label: str) -> Stream:
    """Rows of one or more files as one stream sorted by id: `id` (Int64), then `columns` by their names and types.

    Files that are sorted already are streamed as they are. Otherwise the rows are partitioned by id range into files in the
    folder `spool`, and each range is sorted in memory. Only the ids are held in full: 8 bytes a row.

    Args:
        paths: parquet files.
        id_column: the column of the ids; a file without it may have them as its pandas index, if that has a name.
        columns: the columns to read.
        spool: created if needed, and removed at the end.
        label: of the progress bar.

    Raises:
        UserError: a column is missing or has the wrong type, an id is invalid, or two rows have the same id.
    """
    for path in paths:
        check_columns(path, open_table(path).schema_arrow.names, columns)
    ids_of = [table_ids(path, id_column) for path in paths]
    refuse_duplicates(paths, ids_of)
    ids = np.concatenate([np.empty(0, np.int64), *ids_of])
    with progress(len(ids), label) as bar:
        rows = _rows(paths, id_column, columns)
        if bool((np.diff(ids) > 0).all()):
            for frame in rows:
                bar.update(len(frame))
                yield frame
        else:
            yield from _sorted_by_range(rows, np.sort(ids)[PART_ROWS::PART_ROWS], spool, bar)


def table_ids(path: str | Path, id_column: str) -> Ids:
    """The ids of a parquet file in row order, shape (rows,).

    Raises:
        UserError: as `sorted_rows`, but for duplicates.
    """
    name = find_id_column(open_table(path), path, id_column)
    ids = [post_ids(batch.column(0), name, Place(path, row)).to_numpy() for row, batch in _batches(path, [name])]
    return np.concatenate([np.empty(0, np.int64), *ids])


def refuse_duplicates(paths: Sequence[str | Path], ids_of: Sequence[Ids], unit: str = "row", first: int = 0) -> None:
    """Raise a UserError that names both places if an id occurs twice.

    Args:
        paths: the files; of a table that was converted from others, the place in these is named.
        ids_of: the ids of each file, in its order.
        unit: "row" or "entry", for the message.
        first: the number of the first row or entry of a file.
    """
    ordered = np.sort(np.concatenate([np.empty(0, np.int64), *ids_of]))
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(repeated):
        return
    places = [
        _origin(path, position) or f"{path} {unit} {first + position}"
        for path, ids in zip(paths, ids_of, strict=True)
        for position in np.flatnonzero(ids == repeated[0]).tolist()
    ]
    total = counted_noun(len(repeated), "duplicate")
    raise UserError(f"{places[1]}: id {repeated[0]} is already at {places[0]} ({total} in all): keep one of each")


def _origin(path: str | Path, row: int) -> str | None:
    """Where a row of a table comes from that was converted from other files, see `booruflow.sources.metadata_csv`."""
    if not str(path).endswith(".parquet"):
        return None
    files = (open_table(path).metadata.metadata or {}).get(CONVERTED_FROM)
    for name, rows, first in json.loads(files) if files else ():
        if row < rows:
            return f"{name} row {first + row}"
        row -= rows
    return None


def find_id_column(table: pq.ParquetFile, path: str | Path, id_column: str) -> str:
    """`id_column`, or the pandas index in a file that does not have it; one without a name may hold row numbers."""
    names = [*table.schema_arrow.names, *_range_index(table)]
    levels = (table.schema_arrow.pandas_metadata or {}).get("index_columns", [])
    index = [name for name in names if name in levels or name in _range_index(table)]
    if id_column not in names and len(index) > 1:
        raise UserError(f"{path}: no column '{id_column}', and an index of several levels, {', '.join(index)}: set the id column")
    if id_column not in names and index and UNNAMED_INDEX.fullmatch(index[0]):
        raise UserError(
            f"{path}: no column '{id_column}', and an index without a name, which may hold row numbers: set the id column; if"
            f" these are post ids, set it to {index[0]}"
        )
    name = index[0] if id_column not in names and index else id_column
    require_columns(path, names, [name], "set the id column, as there is no pandas index either")
    return name


def _range_index(table: pq.ParquetFile) -> dict[str, range]:
    """The ids of an index that pandas keeps as a range, by its name: it writes no column for equally spaced integers.

    An index without a name has row numbers and no ids.
    """
    levels = (table.schema_arrow.pandas_metadata or {}).get("index_columns", [])
    ranges = [level for level in levels if isinstance(level, dict) and level.get("kind") == "range" and level.get("name")]
    return {level["name"]: range(level["start"], level["stop"], level["step"]) for level in ranges}


def _batches(path: str | Path, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The named columns in batches, each with its first row's number (from 0); a UserError locates damage or invalid UTF-8."""
    row = 0
    try:
        table = open_table(path)
        index = _range_index(table)
        for read in table.iter_batches(ROWS, columns=[name for name in columns if name not in index]):
            arrays = [
                pa.array(index[name][row : row + len(read)]) if name in index else plain(read.column(name)) for name in columns
            ]
            batch = pa.RecordBatch.from_arrays(arrays, list(columns))
            try:
                batch.validate(full=True)
            except pa.ArrowInvalid as error:
                raise UserError(f"{path}: {_invalid_value(batch, row)}: write the file again as UTF-8") from error
            yield row, batch
            row += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read after row {row} ({first_line(error)}): download or write it again") from error


def _invalid_value(batch: pa.RecordBatch, first_row: int) -> str:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for row in range(len(column)):
            try:
                column.slice(row, 1).validate(full=True)
            except pa.ArrowInvalid:
                return f"row {first_row + row}: column {name} is not UTF-8"
    return f"near row {first_row}: damaged"


def _rows(paths: Sequence[str | Path], id_column: str, columns: Sequence[Column]) -> Iterator[pl.DataFrame]:
    """The rows in the order of the files."""
    yield pl.DataFrame(schema={"id": pl.Int64, **{column.name: column.dtype for column in columns}})
    for path in paths:
        table = open_table(path)
        id_name, names = find_id_column(table, path, id_column), table.schema_arrow.names
        sources = {column.source for column in columns if column.source is not None and column.source in names} - {id_name}
        for row, batch in prefetched(_batches(path, [id_name, *sorted(sources)])):
            yield converted(batch, id_name, columns, Place(path, row))


def _sorted_by_range(rows: Iterable[pl.DataFrame], bounds: Ids, spool: Path, bar: "tqdm[None]") -> Stream:
    """Partition rows into files by id range (`bounds` are the first ids of all ranges but one), then sort range by range."""
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir(parents=True)
    writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    try:
        for frame in rows:
            parts = pl.Series("part", np.searchsorted(bounds, frame["id"].to_numpy(), side="right"))
            for (part,), piece in frame.with_columns(parts).partition_by("part", as_dict=True, include_key=False).items():
                table = piece.to_arrow(compat_level=pl.CompatLevel.oldest())
                if part not in writers:
                    writers[part] = pa.ipc.new_stream(str(spool / f"{part:06d}.arrow"), table.schema)
                writers[part].write_table(table)
            bar.update(len(frame) / 2)
        for writer in writers.values():
            writer.close()
        for part in sorted(writers):
            path = spool / f"{part:06d}.arrow"
            with pa.memory_map(str(path)) as source:
                unsorted = pl.from_arrow(pa.ipc.open_stream(source).read_all())
            assert isinstance(unsorted, pl.DataFrame)
            path.unlink()
            for frame in unsorted.sort("id").iter_slices(ROWS):
                bar.update(len(frame) / 2)
                yield frame
    except OSError as error:
        raise UserError(f"{spool}: cannot be written ({first_line(error)}): free disk space") from error
    finally:
        shutil.rmtree(spool, ignore_errors=True)
