"""Metadata in CSV, such as BigQuery exports it: any number of files converted to one parquet file."""

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

from booruflow.core.errors import UserError, first_line
from booruflow.core.files import written_whole
from booruflow.core.progress import progress
from booruflow.sources.posts import OPTIONAL, REQUIRED
from booruflow.sources.sorted_rows import refuse_duplicates, valid_ids

BLOCK = 16 << 20
"""Bytes of CSV parsed at a time; the longest row that can be read."""

INTEGERS = ("id", "score", "image_width", "image_height")
"""Columns that hold integers."""


class CsvFile(io.BufferedIOBase):
    """The bytes of a CSV file, decompressed if its name ends in `.gz`; reading shows progress and counts quotes.

    Raises:
        UserError: the file cannot be opened or read, or is not a complete gzip file.
    """

    def __init__(self, path: str | Path, bar: "tqdm[None]") -> None:
        self._path, self._bar, self._position, self.quotes = path, bar, 0, 0
        self._carried = b""
        with self._errors_named():
            self._file = Path(path).open("rb")  # noqa: SIM115 (closed by close)
            self._text = gzip.GzipFile(fileobj=self._file) if str(path).endswith(".gz") else self._file

    def readable(self) -> bool:
        """Always true."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, at most `size`."""
        with self._errors_named():
            data = self._carried + self._text.read(-1 if size is None or size < 0 else size - len(self._carried))
        # the parser drops the LF of a quoted CR LF at a block border: carry a final CR over to the next block
        self._carried = b"\r" if len(data) > 1 and data.endswith(b"\r") else b""
        data = data.removesuffix(self._carried)
        self.quotes += data.count(b'"')
        self._bar.update(self._file.tell() - self._position)
        self._position = self._file.tell()
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, zlib.error) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise UserError(f"{self._path}: cannot be read ({reason}): correct the path, or download the file again") from error


def csv_to_parquet(paths: Sequence[str | Path], target: str | Path, columns: Mapping[str, str]) -> int:
    """Write CSV files (RFC 4180, UTF-8, a header in each; plain or .gz) as one parquet file; return the number of rows.

    Values may be quoted, contain line breaks, and be empty: `""` and nothing at all are both empty text. Columns may be in any
    order; those not in `columns` are dropped. Rows keep their order.

    Args:
        paths: CSV files; at least one must have rows.
        target: the parquet file.
        columns: the name in the files of `id` and of each name in REQUIRED and OPTIONAL.

    Raises:
        UserError: a file or column is missing, a row is broken, an id is invalid or occurs twice; file and row are named,
            row 1 being the header.
    """
    names = ("id", *REQUIRED, *OPTIONAL)
    schema = pa.schema([(columns[name], pa.int64() if name in INTEGERS else pa.string()) for name in names])
    ids_of: list[np.ndarray] = []
    total = sum(Path(path).stat().st_size for path in paths if Path(path).exists())
    with (
        progress(total, "CSV", "B") as bar,
        written_whole(target) as part,
        pq.ParquetWriter(part, schema, compression="zstd", compression_level=1) as writer,
    ):
        for path in paths:
            with CsvFile(path, bar) as file:
                header = _read_header(path, file, columns)
                has_rows = any(line.strip() for line in iter(file.readline, b""))
            ids = [np.empty(0, np.int64)]
            with CsvFile(path, bar) as file:
                for batch in _batches(path, file, schema, header) if has_rows else ():
                    ids.append(valid_ids(pl.Series(columns["id"], batch.column(columns["id"])), path, 2 + sum(map(len, ids))))
                    writer.write_batch(batch)
            ids_of.append(np.concatenate(ids))
        refuse_duplicates(paths, ids_of, first=2)
        rows = sum(map(len, ids_of))
        if not rows:
            raise UserError(f"{paths[0]}: no rows under the header: name another CSV file under inputs.metadata")
    return rows


def _read_header(path: str | Path, file: CsvFile, columns: Mapping[str, str]) -> list[str]:
    """The column names of a file; a UserError if a required column is missing, or one of `columns` occurs twice."""
    try:
        header = next(csv.reader([file.readline().decode("utf-8-sig")]), [])
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: its header is not UTF-8 ({error.reason}): write the file again as UTF-8") from error
    missing = [name for name in map(columns.__getitem__, ("id", *REQUIRED)) if name not in header]
    if missing:
        content = f"the header has {', '.join(header)}" if header else "the file is empty"
        raise UserError(f"{path}: no column '{missing[0]}'; {content}: name the right column in the config")
    repeated = [name for name in columns.values() if header.count(name) > 1]
    if repeated:
        raise UserError(f"{path}: two columns '{repeated[0]}' in the header: remove one")
    return header


def _batches(path: str | Path, file: CsvFile, schema: pa.Schema, header: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a file with the columns `header`, as `schema`; columns the file does not have are null.

    A broken row is a UserError, and so is a quote that is never closed: the rows after it would become its text.
    """
    last_row = 1
    try:
        for batch in pa.csv.open_csv(
            file,
            # with several threads errors do not name the row
            read_options=pa.csv.ReadOptions(block_size=BLOCK, use_threads=False),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=schema, include_columns=schema.names, include_missing_columns=True, strings_can_be_null=False
            ),
        ):
            last_row += len(batch)
            yield batch
    except pa.ArrowInvalid as error:
        message = first_line(error)
        row = re.search(r"Row #(\d+): ", message)
        place = f"row {row[1]}: {message[row.end() :]}" if row else f"after row {last_row}: {message}"
        column = re.search(r"column #(\d+)", message)
        name = f" in column {header[int(column[1])]}" if column else ""
        raise UserError(f"{path}: {place}{name}: fix or remove the row") from error
    if file.quotes % 2:
        raise UserError(
            f"{path}: a quoted value is never closed, perhaps in row {last_row}: fix it, or download the complete file"
        )
