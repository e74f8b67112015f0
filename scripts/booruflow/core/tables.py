"""Parquet tables: any table opened, the workflow's own written and read as streams."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from booruflow.core.errors import UserError, first_line
from booruflow.core.files import open_input, written_whole
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


def require_columns(
    path: str | Path, names: Sequence[str], columns: Sequence[str], remedy: str = "name the right column in the config"
) -> None:
    """Raise a UserError about the first of `columns` that a file with the columns `names` lacks, or has twice."""
    for name in columns:
        if names.count(name) > 1:
            raise UserError(f"{path}: two columns '{name}': remove or rename one")
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
            raise UserError(f"{path}: no column '{name}'; {hint}it has {', '.join(names) or 'none'}: {remedy}")


def write_stream(
    path: str | Path,
    stream: Iterable[pl.DataFrame],
    schema: Mapping[str, pl.DataType | type],
    metadata: Callable[[], Mapping[bytes, bytes]] = dict,
    compression: str = "none",
) -> int:
    """Write a stream with `table_writer`; return the number of rows."""
    rows = 0
    with table_writer(path, schema, metadata, compression) as write:
        for frame in prefetched(stream):
            write(frame)
            rows += len(frame)
    return rows


@contextmanager
def table_writer(
    path: str | Path,
    schema: Mapping[str, pl.DataType | type],
    metadata: Callable[[], Mapping[bytes, bytes]] = dict,
    compression: str = "none",
) -> Iterator[Callable[[pl.DataFrame], None]]:
    """A function that writes frames with the columns of `schema` to one parquet file.

    `metadata` is called after the last frame, and gives key-value metadata of the file.
    The bytes depend on the rows only, not on the frames they come in.
    By default the file is not compressed: several rules read it, and compressing takes longer than writing it uncompressed.
    """
    arrow = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    pending = arrow.empty_table()

    def write(frame: pl.DataFrame) -> None:
        nonlocal pending
        table = frame.select(list(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(arrow)
        pending = pa.concat_tables([pending, table])
        while len(pending) >= GROUP_ROWS:
            _write_group(writer, pending[:GROUP_ROWS])
            pending = pending[GROUP_ROWS:]

    with written_whole(path) as part, pq.ParquetWriter(part, arrow, compression=compression) as writer:
        yield write
        if len(pending):
            _write_group(writer, pending)
        writer.add_key_value_metadata(dict(metadata()))


def _write_group(writer: pq.ParquetWriter, table: pa.Table) -> None:
    # pages end where chunks do: without combining, the bytes would depend on the frames of the stream
    writer.write_table(table.combine_chunks(), row_group_size=GROUP_ROWS)


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
    for batch in readable(path, table.iter_batches(ROWS, columns=names)):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield frame.select(names)


def readable(path: str | Path, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches of a parquet file of the workflow; a UserError where it is damaged."""
    try:
        yield from batches
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read ({first_line(error)}): build it again") from error


def read_tsv(path: str | Path, schema: pl.Schema) -> pl.DataFrame:
    """A small table of the workflow's own in a text file, with a header, columns divided by tabs, and a value in each place.

    Raises:
        UserError: it is missing or damaged.
    """
    with open_input(path) as file:
        text = file.read()
    with suppress(pl.exceptions.PolarsError):
        table = pl.read_csv(text, separator="\t", schema=schema)
        if text.startswith("\t".join(schema).encode() + b"\n") and text.endswith(b"\n") and not any(table.null_count().row(0)):
            return table
    raise UserError(f"{path}: damaged: delete it and run `snakemake`, which builds it again")


def rows_of(path: str | Path) -> int:
    """The number of rows of a parquet file, from its footer."""
    return int(open_table(path).metadata.num_rows)
