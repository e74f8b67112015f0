"""Parquet tables: those of other tools checked and sorted by id on the way in, our own written and read as streams."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from booruflow.core.errors import UserError
from booruflow.core.files import written_whole
from booruflow.core.progress import progress
from booruflow.core.streams import ROWS, Stream, prefetched

PART_ROWS = 100_000
"""Rows that are sorted at a time, when a table is not sorted already."""

GROUP_ROWS = 65_536
"""Rows of a row group in the files we write."""


def open_table(path: str | Path) -> pq.ParquetFile:
    """Open a parquet file.

    Raises:
        UserError: it is missing, truncated or not parquet.
    """
    try:
        return pq.ParquetFile(path, pre_buffer=False)  # its buffers would stay until the end: the file's size in memory
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file: mend the path in the config") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a whole parquet file ({_brief(error)}): fetch or write it again") from error


def id_name(table: pq.ParquetFile, path: str | Path, wanted: str) -> str:
    """The column of the file that holds the ids: `wanted`, or else the pandas index.

    Raises:
        UserError: there is neither.
    """
    names = table.schema_arrow.names
    index = [name for name in (table.schema_arrow.pandas_metadata or {}).get("index_columns", []) if name in names]
    for name in (wanted, *index):
        if name in names:
            return str(name)
    raise UserError(f"{path}: no column '{wanted}' and no pandas index; it has {', '.join(names)}: set the id column")


def require_columns(table: pq.ParquetFile, path: str | Path, columns: Sequence[str]) -> None:
    """Raise a UserError that names the first of `columns` the file does not have."""
    names = table.schema_arrow.names
    for name in columns:
        if name not in names:
            raise UserError(f"{path}: no column '{name}'; it has {', '.join(names)}: name the right column in the config")


def batches(path: str | Path, columns: Sequence[str]) -> Iterator[tuple[int, pl.DataFrame]]:
    """The named columns in batches, each with the number of its first row (from 0).

    Raises:
        UserError: the file breaks off or holds bytes that are not UTF-8; the message names the row.
    """
    row = 0
    try:
        for batch in open_table(path).iter_batches(ROWS, columns=list(columns)):
            try:
                batch.validate(full=True)
            except pa.ArrowInvalid as error:
                raise UserError(f"{path}: {_bad_utf8(batch, row)}: write the file again as UTF-8") from error
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield row, frame.select(columns)
            row += len(frame)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read after row {row} ({_brief(error)}): fetch or write it again") from error


def read_ids(path: str | Path, wanted: str) -> np.ndarray:
    """The ids of a file in row order, shape (rows,), int64.

    Raises:
        UserError: an id is missing, negative or not an integer; the message names the row.
    """
    name = id_name(open_table(path), path, wanted)
    found = [ids_of_column(frame[name], path, row) for row, frame in batches(path, [name])]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def ids_of_column(ids: pl.Series, path: str | Path, first_row: int) -> np.ndarray:
    """Part of an id column, whose first row is `first_row`, as int64.

    Raises:
        UserError: an id is missing, negative or not an integer; the message names the row.
    """
    whole = ids.cast(pl.Int64, strict=False)
    if ids.dtype.is_float():
        whole = whole.set(ids != ids.floor(), None)
    bad = whole.is_null() | (whole < 0).fill_null(True)
    if bad.any():
        row = int(bad.arg_max() or 0)
        raise UserError(f"{path}: row {first_row + row}: {ids.name} is {ids[row]!r}, not a post id: mend or drop the row")
    return whole.to_numpy()


def sorted_rows(
    paths: Sequence[str | Path],
    id_column: str,
    columns: Sequence[str],
    spool: Path,
    what: str,
    optional: Sequence[str] = (),
) -> Stream:
    """Rows of one or more files as one sorted stream: `id` (Int64), then `columns`, then `optional` (null where absent).

    Files that are sorted already are streamed as they are. Others are dealt out to id ranges in the folder `spool`,
    which is made and removed again, and each range is sorted in memory. The ids alone are held whole: 8 bytes a row.

    Raises:
        UserError: a column is missing, an id is bad, or two rows have the same id.
    """
    for path in paths:
        require_columns(open_table(path), path, columns)
    ids_of = [read_ids(path, id_column) for path in paths]
    ids = np.concatenate(ids_of) if ids_of else np.empty(0, np.int64)
    refuse_duplicates(paths, ids_of)
    with progress(len(ids), what) as bar:
        rows = _rows(paths, id_column, columns, optional)
        if len(ids) < 2 or bool((np.diff(ids) > 0).all()):
            for frame in rows:
                bar.update(len(frame))
                yield frame
        else:
            yield from _dealt(rows, np.sort(ids)[PART_ROWS::PART_ROWS], spool, bar)


def _rows(paths: Sequence[str | Path], id_column: str, columns: Sequence[str], optional: Sequence[str]) -> Stream:
    yield pl.DataFrame(schema={"id": pl.Int64, **dict.fromkeys((*columns, *optional), pl.String)})
    for path in paths:
        table = open_table(path)
        name, present = id_name(table, path, id_column), [name for name in optional if name in table.schema_arrow.names]
        absent = [pl.lit(None).alias(name) for name in optional if name not in present]
        for row, frame in prefetched(batches(path, list(dict.fromkeys([name, *columns, *present])))):
            ids = pl.Series("id", ids_of_column(frame[name], path, row))
            yield frame.select(ids, *columns, *present).with_columns(absent).select("id", *columns, *optional)


def _dealt(rows: Stream, bounds: np.ndarray, spool: Path, bar: object) -> Stream:
    """Deal rows out to files by id range, then sort range by range."""
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
            bar.update(len(frame) / 2)  # type: ignore[attr-defined]
        for writer in writers.values():
            writer.close()
        for part in sorted(writers):
            path = spool / f"{part:06d}.arrow"
            with pa.memory_map(str(path)) as source:
                whole = pl.from_arrow(pa.ipc.open_stream(source).read_all())
            assert isinstance(whole, pl.DataFrame)
            path.unlink()
            whole = whole.sort("id")
            for frame in whole.iter_slices(ROWS):
                bar.update(len(frame) / 2)  # type: ignore[attr-defined]
                yield frame
    except OSError as error:
        raise UserError(f"{spool}: cannot be written ({_brief(error)}): free space") from error
    finally:
        shutil.rmtree(spool, ignore_errors=True)


def refuse_duplicates(paths: Sequence[str | Path], ids_of: Sequence[np.ndarray], first_row: int = 0) -> None:
    """Raise a UserError when two rows of files have the same id; it names both. `ids_of` has the ids of each file."""
    ordered = np.sort(np.concatenate(ids_of) if ids_of else np.empty(0, np.int64))
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(twice):
        return
    one = int(ordered[twice[0]])
    rows = [
        f"{path} row {first_row + row}" for path, some in zip(paths, ids_of, strict=True) for row in np.flatnonzero(some == one)
    ]
    raise UserError(f"{rows[1]}: id {one} stands already at {rows[0]} ({len(twice)} such rows in all): drop the duplicates")


def _bad_utf8(batch: pa.RecordBatch, first_row: int) -> str:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for row in range(len(column)):
            try:
                column.slice(row, 1).validate(full=True)
            except pa.ArrowInvalid:
                return f"row {first_row + row}: column {name} is not UTF-8"
    return f"near row {first_row}: damaged"


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:160]


def write_stream(path: str | Path, stream: Iterable[pl.DataFrame], schema: Mapping[str, pl.DataType | type]) -> int:
    """Write a stream as one parquet file; return the number of rows.

    It is not compressed: many rules read it, and to compress it takes longer than to write it.
    """
    arrow = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    rows = 0
    with written_whole(path) as part, pq.ParquetWriter(part, arrow, compression="none") as writer:
        held: list[pa.Table] = []
        for frame in prefetched(stream):
            held.append(frame.select(list(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(arrow))
            rows += len(frame)
            if sum(len(table) for table in held) >= GROUP_ROWS:
                writer.write_table(pa.concat_tables(held), row_group_size=GROUP_ROWS)
                held = []
        if held:
            writer.write_table(pa.concat_tables(held), row_group_size=GROUP_ROWS)
    return rows


def read_stream(path: str | Path, columns: Sequence[str] | None = None) -> Stream:
    """Read one of the workflow's own sorted parquet files as a stream.

    Raises:
        UserError: it is not whole.
    """
    table = open_table(path)
    names = list(columns or table.schema_arrow.names)
    empty = pl.from_arrow(table.schema_arrow.empty_table().select(names))
    assert isinstance(empty, pl.DataFrame)
    yield empty
    try:
        for batch in table.iter_batches(ROWS, columns=names):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame.select(names)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read ({_brief(error)}): build it again") from error


def rows_of(path: str | Path) -> int:
    """The number of rows of a parquet file."""
    return int(open_table(path).metadata.num_rows)
