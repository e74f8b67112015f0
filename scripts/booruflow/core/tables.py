"""Parquet tables: any table opened, the workflow's own written and read as streams."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from booruflow.core.errors import UserError, first_line
from booruflow.core.files import written_whole
from booruflow.core.streams import ROWS, Stream, prefetched

GROUP_ROWS = 65_536
"""Rows per row group in the files written here."""


def open_table(path: str | Path) -> pq.ParquetFile:
    """Open a parquet file.

    Raises:
        UserError: it is missing, truncated or not parquet.
    """
    try:
        return pq.ParquetFile(path, pre_buffer=False)  # with pre_buffer the whole file would stay in memory
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file: correct the path in the config") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a complete parquet file ({first_line(error)}): download or write it again") from error


def require_columns(table: pq.ParquetFile, path: str | Path, columns: Sequence[str]) -> None:
    """Raise a UserError that names the first of `columns` the file does not have."""
    names = table.schema_arrow.names
    for name in columns:
        if name not in names:
            raise UserError(f"{path}: no column '{name}'; it has {', '.join(names)}: name the right column in the config")


def write_stream(path: str | Path, stream: Iterable[pl.DataFrame], schema: Mapping[str, pl.DataType | type]) -> int:
    """Write a stream as one parquet file with the columns of `schema`; return the number of rows.

    The file is not compressed: several rules read it, and compressing takes longer than writing it uncompressed.
    """
    arrow = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    rows = 0
    with written_whole(path) as part, pq.ParquetWriter(part, arrow, compression="none") as writer:
        pending: list[pa.Table] = []
        for frame in prefetched(stream):
            pending.append(frame.select(list(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(arrow))
            rows += len(frame)
            if sum(len(table) for table in pending) >= GROUP_ROWS:
                writer.write_table(pa.concat_tables(pending), row_group_size=GROUP_ROWS)
                pending = []
        if pending:
            writer.write_table(pa.concat_tables(pending), row_group_size=GROUP_ROWS)
    return rows


def read_stream(path: str | Path, columns: Sequence[str] | None = None) -> Stream:
    """Read one of the workflow's own sorted parquet files as a stream, all columns or those named.

    Raises:
        UserError: the file is missing, truncated or damaged.
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
        raise UserError(f"{path}: cannot be read ({first_line(error)}): build it again") from error


def rows_of(path: str | Path) -> int:
    """The number of rows of a parquet file, from its footer."""
    return int(open_table(path).metadata.num_rows)
