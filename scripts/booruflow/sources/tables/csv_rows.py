"""CSV files as RFC 4180 describes them. Stray quotes, at which the parser would guess and lose rows, are refused."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from tqdm import tqdm

from booruflow.core.errors import UserError, first_line
from booruflow.sources.tables.columns import Column, check_columns

BLOCK = 16 << 20
"""Bytes parsed at a time; the longest row that can be read."""

QUOTE = ord('"')

BESIDE_QUOTES = np.zeros(256, bool)
BESIDE_QUOTES[list(b',\r\n"')] = True
"""What may precede a quote that opens a value, and follow one that closes it. `""` in a value closes it and opens it again."""

LINE_END = re.compile(rb"\r\n|\r|\n")


class CsvFile(io.BufferedIOBase):
    """The bytes of a CSV file without its byte order mark, decompressed if the name ends in `.gz`; reading shows progress.

    Raises:
        UserError: the file cannot be opened or read, is not a complete gzip file, or has a quote where none may be.
    """

    def __init__(self, path: str | Path, bar: "tqdm[None]") -> None:
        self._path, self._bar, self._position = path, bar, 0
        self._pending = b""
        # the last byte that was read, its offset in the text, and whether it lies in a quoted value (a quote: the byte before it)
        self._last, self._offset, self._last_quoted = b"\n", -1, False
        self.is_quoted = False
        with _errors_named(path):
            self._file = Path(path).open("rb")  # noqa: SIM115 (closed by close)
            self._text = gzip.GzipFile(fileobj=self._file) if str(path).lower().endswith(".gz") else self._file
            self._pending = self._text.read(BLOCK).removeprefix(b"\xef\xbb\xbf")

    def readable(self) -> bool:
        """Always true."""
        return True

    def first_block(self) -> bytes:
        """About the first BLOCK bytes; to be called before the first `read`, which returns them again."""
        return self._pending

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, at most `size`."""
        size = BLOCK if size is None or size < 0 else size
        with _errors_named(self._path):
            data = self._pending + self._text.read(max(0, size - len(self._pending)))
        # the parser drops the LF of a quoted CR LF at a block border: leave a final CR to the next block
        end = size - (data[:size].endswith(b"\r") and min(size, len(data)) > 1)
        data, self._pending = data[:end], data[end:]
        self._check_quotes(data)
        self._bar.update(self._file.tell() - self._position)
        self._position = self._file.tell()
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _check_quotes(self, data: bytes) -> None:
        """Check what is beside each quote. Quotes open and close values by turns, so their parity tells which they do."""
        text = np.frombuffer(self._last + data, np.uint8)
        end = len(text) - 1
        quotes = np.flatnonzero(text == QUOTE)
        opening, closing = quotes[self._last_quoted :: 2], quotes[1 - self._last_quoted :: 2]
        # the first byte was checked with the block before, and the last one will be with the next block
        strays = opening[(opening > 0) & ~BESIDE_QUOTES[text[opening - 1]]]
        followed = closing[(closing < end) & ~BESIDE_QUOTES[text[np.minimum(closing + 1, end)]]]
        if len(strays) or len(followed):
            place = min(int(found[0]) for found in (strays, followed) if len(found))
            problem = (
                "a quote inside a value that is not quoted" if place in strays else "text after the quote that closes a value"
            )
            row = _row_of(self._path, self._offset + place)
            near = bytes(text[max(0, place - 20) : place + 20]).decode(errors="replace")
            raise UserError(
                f'{self._path}: row {row}: {problem}, near {near!r}: put the value in quotes and double the quotes in it ("")'
            )
        self.is_quoted = self._last_quoted ^ (len(quotes) % 2 == 1)
        self._last_quoted = self.is_quoted ^ bool(text[end] == QUOTE)
        self._last, self._offset = bytes(text[end:]), self._offset + end


def csv_header(path: str | Path, file: CsvFile, columns: Sequence[Column]) -> tuple[list[str], bool]:
    """The column names of a file that was not read yet, and whether rows follow.

    Raises:
        UserError: the header cannot be read, or lacks one of `columns` or has it twice.
    """
    text = io.TextIOWrapper(io.BytesIO(file.first_block()), encoding="utf-8", errors="surrogateescape", newline="")
    try:
        header = next(csv.reader(text), [])
        "".join(header).encode()
    except (csv.Error, UnicodeEncodeError) as error:
        raise UserError(f"{path}: its header is not CSV in UTF-8 ({error}): write the file again") from error
    check_columns(path, header, columns)
    return header, any(map(str.strip, text))


def csv_batches(path: str | Path, file: CsvFile, header: Sequence[str], columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """The rows of a file with the columns `header`: those in `columns` as strings, empty where nothing is, others as bytes.

    Raises:
        UserError: a row is broken, or a quote is never closed; the message names the row, row 1 being the header.
    """
    last_row = 1
    types = dict.fromkeys(header, pa.binary()) | {str(column.source): pa.string() for column in columns}
    try:
        for batch in pa.csv.open_csv(
            file,
            # with several threads errors do not name the row
            read_options=pa.csv.ReadOptions(block_size=BLOCK, use_threads=False),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(column_types=types, strings_can_be_null=False),
        ):
            _refuse_swallowed_rows(path, batch, header.index(str(columns[0].source)), last_row + 1)
            last_row += len(batch)
            yield batch
    except pa.ArrowInvalid as error:
        message = first_line(error)
        if "straddling" in message:
            message = f"a row of more than {BLOCK >> 20} MiB, or a quoted value that is never closed"
        row = re.search(r"Row #(\d+): ", message)
        place = f"row {row[1]}: {message[row.end() :]}" if row else f"after row {last_row}: {message}"
        column = re.search(r"column #(\d+)", message)
        name = f" in column {header[int(column[1])]}" if column else ""
        raise UserError(f"{path}: {place}{name}: fix or remove the row") from error
    if file.is_quoted:
        raise UserError(
            f"{path}: a quoted value is never closed, perhaps in row {last_row}: fix it, or download the complete file"
        )


def _refuse_swallowed_rows(path: str | Path, batch: pa.RecordBatch, id_place: int, first_row: int) -> None:
    """Raise a UserError about a value that has whole rows in it, from a stray quote at its start to one at its end.

    By the standard alone this is a value with line breaks. Where the rows are sorted by id, it is one if its ids do not fit
    between those around it. The batch has all columns of the file; that of ids is `id_place`.
    """
    for place, column in enumerate(batch.columns):
        text = column.buffers()[2].to_pybytes() if column.buffers()[2] else b""
        if b"\n" not in text and b"\r" not in text:
            continue
        for row, value in enumerate(column.cast(pa.binary()).to_pylist()):
            held = _ids_of_rows(value, place, batch.num_columns, id_place)
            if held and _fit(held, row, batch.column(id_place).to_pylist(), after=id_place < place):
                raise UserError(
                    f"{path}: row {first_row + row}: {batch.schema.names[place]} has further rows in it: {value[:40]!r}...:"
                    " remove or double the quote at its start, or sort the rows by id, if this is text with line breaks"
                )


def _ids_of_rows(value: bytes, place: int, width: int, id_place: int) -> list[int]:
    """The ids in a value of the column `place`, if it is the rest of a row, any rows, and the start of one of `width` values."""
    if value.count(b",") < width - 1 or not LINE_END.search(value):
        return []
    first, *others, last = LINE_END.split(value)
    lines = [line.split(b",") for line in (first, *filter(None, others), last)]
    widths = [len(line) for line in lines]
    if widths != [width - place, *[width] * (len(lines) - 2), place + 1]:
        return []
    fields = [field for line in lines for field in line]
    ids = [_id_of(field) for field in fields[(id_place - place) % width :: width]]
    return [] if None in ids else [post for post in ids if post is not None]


def _id_of(field: str | bytes) -> int | None:
    text = field.decode(errors="replace") if isinstance(field, bytes) else field
    found = re.fullmatch(r" *([0-9]+)(?:\.0*)? *", text)
    return int(found[1]) if found else None


def _fit(held: Sequence[int], row: int, fields: Sequence[str], *, after: bool) -> bool:
    """Whether the ids `held` by a row fit into those of all rows, `fields`, before or after its own, as far as one can tell."""
    ids = [_id_of(field) for field in fields]
    if None in ids or not (step := _step(ids)):
        return True
    place = row + after
    return _step([*ids[:place], *held, *ids[place:]]) == step


def _step(ids: Sequence[int | None]) -> int:
    """1 if ids ascend (as one does), -1 if they descend, else 0."""
    steps = np.sign(np.diff(np.array(ids, np.float64)))
    return int(steps[0]) if len(steps) and (steps == steps[0]).all() else int(not len(steps))


def _row_of(path: str | Path, offset: int) -> int:
    """The row of the byte at `offset` in the text of a file; a row may have line breaks in quoted values."""
    rows, is_quoted = 1, False
    with gzip.open(path) if str(path).lower().endswith(".gz") else Path(path).open("rb") as file:
        offset += 3 * (file.read(3) == b"\xef\xbb\xbf")
        file.seek(0)
        while offset > 0 and (text := file.read(min(BLOCK, offset))):
            text += file.read(1) if text.endswith(b"\r") else b""
            for piece in text.split(b'"'):
                rows += 0 if is_quoted else len(re.findall(rb"[\r\n]+", piece))
                is_quoted = not is_quoted
            is_quoted = not is_quoted
            offset -= len(text)
    return rows


@contextmanager
def _errors_named(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(f"{path}: cannot be read ({reason}): correct the path, or download the file again") from error
