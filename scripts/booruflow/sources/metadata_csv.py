"""The CSV export of a table of posts, such as BigQuery's: any number of files, made one parquet file."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from tqdm import tqdm

from booruflow.core.errors import UserError
from booruflow.core.files import written_whole
from booruflow.core.progress import progress
from booruflow.core.tables import ids_of_column, refuse_duplicates
from booruflow.sources.posts import OPTIONAL, REQUIRED

BLOCK = 16 << 20
"""Bytes of CSV parsed at a time; a row must fit."""

WHOLE = ("id", "score", "image_width", "image_height")
"""The columns that hold integers."""


class Source(io.BufferedIOBase):
    """The text of a CSV file, gunzipped if its name says so; reading it shows progress and counts the quotes.

    Raises:
        UserError: the file cannot be opened or read, or is not a whole gzip file.
    """

    def __init__(self, path: str | Path, bar: "tqdm[None]") -> None:
        self._path, self._bar, self._at, self.quotes = path, bar, 0, 0
        self._held = b""
        with self._named():
            self._file = Path(path).open("rb")  # noqa: SIM115 (closed by close)
            self._text = gzip.GzipFile(fileobj=self._file) if str(path).endswith(".gz") else self._file

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, `size` at the most."""
        with self._named():
            data = self._held + self._text.read(-1 if size is None or size < 0 else size - len(self._held))
        # a block that ends between CR and LF would lose the LF of a quoted text: the CR waits for the next block
        self._held = b"\r" if len(data) > 1 and data.endswith(b"\r") else b""
        data = data.removesuffix(self._held)
        self.quotes += data.count(b'"')
        self._bar.update(self._file.tell() - self._at)
        self._at = self._file.tell()
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, zlib.error) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise UserError(f"{self._path}: cannot be read ({reason}): mend the path, or fetch the file again") from error


def csv_to_parquet(paths: Sequence[str | Path], target: str | Path, columns: Mapping[str, str]) -> int:
    """Write CSV files (RFC 4180, UTF-8, a header in each; plain or .gz) as one parquet file; return the number of rows.

    Values may be quoted, hold line breaks, and be empty: `""` is empty text and so is nothing at all. Columns may stand in
    any order; those not in `columns` (our names to theirs) are left out. Rows stay in order.

    Raises:
        UserError: a file or column is missing, a row is broken, an id is no id or stands twice; file and row are named,
            row 1 being the header.
    """
    kinds = {name: pa.int64() if name in WHOLE else pa.string() for name in ("id", *REQUIRED, *OPTIONAL)}
    schema = pa.schema([(columns[name], kind) for name, kind in kinds.items()])
    ids_of: list[np.ndarray] = []
    total = sum(Path(path).stat().st_size for path in paths if Path(path).exists())
    with (
        progress(total, "CSV", "B") as bar,
        written_whole(target) as part,
        pq.ParquetWriter(part, schema, compression="zstd", compression_level=1) as writer,
    ):
        for path in paths:
            with Source(path, bar) as source:
                names = _header(path, source, columns)
                has_rows = any(line.strip() for line in iter(source.readline, b""))
            ids = [np.empty(0, np.int64)]
            with Source(path, bar) as source:
                for batch in _batches(path, source, schema, names) if has_rows else ():
                    ids.append(ids_of_column(pl.Series(columns["id"], batch.column(columns["id"])), path, 2 + sum(map(len, ids))))
                    writer.write_batch(batch)
            ids_of.append(np.concatenate(ids))
        refuse_duplicates(paths, ids_of, first_row=2)
        rows = sum(map(len, ids_of))
        if not rows:
            raise UserError(f"{paths[0]}: no rows under the header: name another CSV file under inputs.metadata")
    return rows


def _header(path: str | Path, source: Source, columns: Mapping[str, str]) -> list[str]:
    """The names of the columns of a file, checked."""
    try:
        names = next(csv.reader([source.readline().decode("utf-8-sig")]), [])
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: its header is not UTF-8 ({error.reason}): write the file again as UTF-8") from error
    needed = [columns[name] for name in ("id", *REQUIRED)]
    missing = [name for name in needed if name not in names]
    if missing:
        there = f"the header has {', '.join(names)}" if names else "the file is empty"
        raise UserError(f"{path}: no column '{missing[0]}'; {there}: name the right column in the config")
    twice = [name for name in columns.values() if names.count(name) > 1]
    if twice:
        raise UserError(f"{path}: two columns '{twice[0]}' in the header: drop one")
    return names


def _batches(path: str | Path, source: Source, schema: pa.Schema, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a file that has the columns `names`, with null where it lacks one of the schema.

    Raises:
        UserError: a row is broken, or a quote is never closed, which would swallow the rows that follow.
    """
    last = 1
    try:
        for batch in pa.csv.open_csv(
            source,
            # one thread knows the numbers of the rows
            read_options=pa.csv.ReadOptions(block_size=BLOCK, use_threads=False),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=schema, include_columns=schema.names, include_missing_columns=True, strings_can_be_null=False
            ),
        ):
            last += len(batch)
            yield batch
    except pa.ArrowInvalid as error:
        said = str(error).splitlines()[0][:200]
        row = re.search(r"Row #(\d+): ", said)
        place = f"row {row[1]}: {said[row.end() :]}" if row else f"after row {last}: {said}"
        column = re.search(r"column #(\d+)", said)
        name = f" in column {names[int(column[1])]}" if column else ""
        raise UserError(f"{path}: {place}{name}: mend or drop the row") from error
    if source.quotes % 2:
        raise UserError(f"{path}: a quoted value is never closed, perhaps in row {last}: mend it, or fetch the whole file")
