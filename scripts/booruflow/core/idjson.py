"""JSON files keyed by post id: UTF-8, ids ascending, one entry a line, a final newline.

    {
    "1": {"caption":"A girl."},
    "2": {"caption":"A boy."}
    }

The layout lets a program read such a file of any size line by line, and a person read it with head and grep. Values
are handled as JSON text: what is only copied is never decoded. Files of other tools go through `booruflow.sources.json_object`.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from booruflow.core.direct_io import Writer
from booruflow.core.errors import UserError
from booruflow.core.files import open_input, open_whole
from booruflow.core.progress import progress
from booruflow.core.streams import Stream, prefetched

READ_BYTES = 8 << 20
"""Bytes read at a time."""

ENTRY_SCHEMA = {"id": pl.Int64, "value": pl.String}
"""A stream of entries: the id and the JSON text of its value."""

LINE_BYTES = 2048
"""Bytes read at a place of a file to find the line there; few are longer."""

MORE_THAN_ANY_ID: int = 10**18
MAX_ID_DIGITS = 18
"""Decimal digits of the largest post id; every number of so many digits fits in an int64."""

Ints = NDArray[np.int64]


def json_text(column: str) -> pl.Expr:
    """The strings of `column` as JSON text, quotes included (RFC 8259)."""
    # json_encode gives {"column":"text"}: strip all around the text
    return pl.struct(column).struct.json_encode().str.slice(len(column) + 4).str.head(-1)


def member_json_text(column: str, member: str) -> pl.Expr:
    """The JSON text of `member`, the only member of the objects in `column`, which hold JSON text."""
    return pl.col(column).str.slice(len(member) + 4).str.head(-1)


def decode_json_text(expression: pl.Expr) -> pl.Expr:
    """Strings from their JSON text."""
    return expression.map_batches(_decoded, return_dtype=pl.String)


def _decoded(texts: pl.Series) -> pl.Series:
    unquoted = texts.str.slice(1).str.head(-1)
    rows = unquoted.str.contains("\\", literal=True).arg_true()  # few texts hold an escape, and decoding is slow
    return unquoted.scatter(rows, texts.gather(rows).str.json_decode(pl.String)) if len(rows) else unquoted


def joined_bytes(strings: pl.Series) -> memoryview:
    """The UTF-8 bytes of a column of strings, one after the other, without a copy where the column is contiguous."""
    array = strings.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    if not len(array):
        return memoryview(b"")
    return memoryview(array.buffers()[2])[int(offsets[0]) : int(offsets[-1])]


def write_entries(path: str | Path, stream: Iterable[pl.DataFrame]) -> int:
    """Write a stream of `id` and `value` (JSON text); return the number of entries."""
    line = pl.concat_str(pl.format('"{}": ', "id"), "value", pl.lit(",\n"))
    with open_whole(path) as file:
        return write_lines(file, (frame.select(line).to_series() for frame in stream))


def write_lines(file: Writer, stream: Iterable[pl.Series]) -> int:
    """Write a JSON object from lines `<key>: <value>,` that end in a line break; return the number of lines."""
    count = 0
    file.write(b"{\n")
    for lines in prefetched(stream):
        if len(lines):
            file.write(b",\n" if count else b"")
            file.write(joined_bytes(lines)[:-2])
            count += len(lines)
    file.write(b"\n}\n" if count else b"}\n")
    return count


def read_entries(path: str | Path, label: str | None = None, member: str | None = None) -> Stream:
    """Read a file in this module's layout as a stream of `id` and `value` (JSON text).

    Args:
        path: the file.
        label: with it, progress is shown.
        member: with it, each value is `{"<member>":"<text>"}`, as this workflow writes it, so that `member_json_text` can cut
            it. A value with other white space or further members is decoded and written in this form.

    Raises:
        UserError: the file is not in this layout, is cut short, or its ids do not ascend; or a value is not an object with
            the text `member`. The message names the line.
    """
    yield pl.DataFrame(schema=ENTRY_SCHEMA)
    with progress(Path(path).stat().st_size, label, "B") if label else nullcontext() as bar:
        for block in _read_blocks(path):
            yield pl.DataFrame({"id": block.ids, "value": block.members(member) if member else block.values()})
            if bar is not None:
                bar.update(len(block.lines))


def read_entry_ids(path: str | Path) -> Stream:
    """Like `read_entries`, but only the ids, in less than half the time: the values are skipped and not checked."""
    yield pl.DataFrame(schema={"id": pl.Int64})
    for block in _read_blocks(path):
        yield pl.DataFrame({"id": block.ids})


def id_of_line(line: bytes) -> int:
    """The id at the start of a line: -1 for the first line of a file, and more than any id for its last.

    Raises:
        ValueError: the line is none of a file in this module's layout.
    """
    if line == b"{\n":
        return -1
    if line == b"}\n":
        return MORE_THAN_ANY_ID
    if line[:1] != b'"':
        raise ValueError(line[:40])
    return int(line[1 : line.index(b'"', 1)])


def offset_of(file: BinaryIO, wanted: int, id_of: Callable[[bytes], int] = id_of_line) -> int:
    """Where the first line begins whose id is `wanted` or greater; the size of the file if there is none.

    Lines ascend by `id_of(line)`, which raises ValueError where there is no id. So a file of any size takes some dozen reads.
    """
    low, high = 0, (size := os.fstat(file.fileno()).st_size)
    while low < high:
        middle = (low + high) // 2
        start = _line_after(file, middle)
        if start >= size or id_of(line_from(file, start)) >= wanted:
            high = middle
        else:
            low = start + 1
    return _line_after(file, low)


def _line_after(file: BinaryIO, place: int) -> int:
    """Where the first line begins that begins at the byte `place` or after it."""
    return place - 1 + len(line_from(file, place - 1)) if place else 0


def line_from(file: BinaryIO, start: int) -> bytes:
    """The bytes from `start` to the next line break, which is included, or to the end of the file."""
    line = b""
    while (part := os.pread(file.fileno(), LINE_BYTES, start + len(line))) and not line.endswith(b"\n"):
        line += part[: part.find(b"\n") + 1] or part
    return line


def find_entries(path: str | Path, ids: Collection[int]) -> dict[int, str]:
    """The values (JSON text) of those of the ids that a file in this module's layout has; the rest of the file is not read.

    Raises:
        UserError: it cannot be read, or a line is not of that layout.
    """
    found = {}
    with open_input(path) as file:
        for post in sorted(ids):
            try:
                line = line_from(file, offset_of(file, post))
                if line[:1] == b'"' and id_of_line(line) == post:
                    found[post] = line[line.index(b'"', 1) + 3 :].rstrip(b",\n").decode()
            except ValueError as error:
                raise UserError(f"{path}: near id {post}: not one entry a line, ids ascending: build the file again") from error
    return found


def decode_object(path: str | Path, post: int, value: str, *texts: str) -> dict[str, Any]:
    """The decoded value of the entry `post` of a file: an object that has the members `texts`, all of them text.

    Raises:
        UserError: it is anything else; file and id are named.
    """
    with suppress(orjson.JSONDecodeError):
        entry = orjson.loads(value)
        if isinstance(entry, dict) and all(isinstance(entry.get(name), str) for name in texts):
            return entry
    form = " and ".join(["an object", *(f"a text '{name}'" for name in texts)]).replace(" and ", " with ", 1)
    raise UserError(f"{path}: id {post}: not {form}: delete the file and run `snakemake`, which builds it again")


@dataclass(frozen=True)
class _Block:
    """Whole lines `"<id>": <value>,` of a file: the n ids, and the offsets in `lines` where each value starts and ends."""

    path: str | Path
    first_line: int
    lines: NDArray[np.uint8]
    ids: Ints
    starts: Ints
    ends: Ints

    def values(self) -> pl.Series:
        """The values; no string is copied. A value that is not UTF-8 is a UserError."""
        # an array of value, separator, value, ...: take every other string
        offsets = np.stack([self.starts, self.ends], axis=1).ravel()
        array = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(self.lines))
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            raise UserError(f"{self.path}: near line {self.first_line}: not UTF-8: build the file again") from error
        return pl.Series("value", array).gather_every(2)

    def members(self, member: str) -> pl.Series:
        """The values, each as `{"<member>":"<text>"}`; only those in another form are decoded."""
        values = self.values()
        start, end = f'{{"{member}":"', '"}'
        value = pl.col("value")
        plain = value.str.starts_with(start) & value.str.ends_with(end) & ~value.str.ends_with("\\" + end)
        few_quotes = value.str.count_matches('"', literal=True) == 4
        rows = values.to_frame().select((~(plain & few_quotes)).arg_true()).to_series()  # few texts hold a quote
        as_written = rf'^{re.escape(start)}(?:[^"\\]|\\.)*{end}$'
        rows = rows.filter(~values.gather(rows).str.contains(as_written))
        if len(rows):
            values = values.clone().scatter(rows, [self._decoded(row, values[row], member) for row in rows])
        return values

    def _decoded(self, row: int, value: str, member: str) -> str:
        with suppress(orjson.JSONDecodeError):
            entry = orjson.loads(value)
            if isinstance(entry, dict) and isinstance(entry.get(member), str):
                return orjson.dumps({member: entry[member]}).decode()
        raise UserError(f"{self.path}: line {self.first_line + row}: not an object with a text '{member}': build the file again")


def _read_blocks(path: str | Path) -> Iterator[_Block]:
    with open_input(path) as file:
        if file.readline() != b"{\n":
            raise UserError(f"{path}: line 1: not a file keyed by id with one entry a line: build it again")
        line, last_id, rest, comma = 2, -1, np.empty(0, np.uint8), False
        while len(text := _read_on(file, rest)) > len(rest):
            breaks = np.flatnonzero(text == ord("\n"))
            if len(breaks) and text[: breaks[-1]][-2:].tobytes() in (b"}", b"\n}"):  # the end of the object
                breaks = breaks[:-1]
            lines, rest = np.split(text, [breaks[-1] + 1 if len(breaks) else 0])
            if not len(breaks):
                continue
            if line > 2 and not comma:
                raise UserError(f"{path}: line {line - 1}: no comma at its end: build the file again")
            block = _parse_lines(lines, breaks, path, line)
            comma = lines[-2] == ord(",")
            if block.ids[0] <= last_id or (np.diff(block.ids) <= 0).any():
                raise UserError(f"{path}: near line {line}: ids do not ascend: build it again")
            line, last_id = line + len(block.ids), block.ids[-1]
            yield block
        if rest.tobytes() != b"}\n" or comma:
            raise UserError(f"{path}: line {line}: the file is cut short: build it again")


def _read_on(file: BufferedReader, rest: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bytes `rest` and the next of the file, read in place: to copy them would take as long as to find the lines."""
    text = np.empty(len(rest) + READ_BYTES, np.uint8)
    text[: len(rest)] = rest
    return text[: len(rest) + file.readinto(text[len(rest) :].data)]


def _parse_lines(lines: NDArray[np.uint8], breaks: NDArray[np.intp], path: str | Path, first_line: int) -> _Block:
    """Parse the ids of all lines at once, digit by digit, and locate the values; `breaks` are where the lines end."""
    starts = np.concatenate([[0], breaks[:-1] + 1])
    ids, digits = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
    in_id = lines[starts] == ord('"')
    for place in range(1, MAX_ID_DIGITS + 1):
        digit = lines[np.minimum(starts + place, breaks)].astype(np.int64) - ord("0")
        in_id &= (digit >= 0) & (digit <= 9)
        if not in_id.any():
            break
        ids = np.where(in_id, ids * 10 + digit, ids)
        digits += in_id
    values = starts + digits + len('"": ')
    valid = (digits > 0) & (values < breaks)
    for back, sign in ((3, '"'), (2, ":"), (1, " ")):
        valid &= lines[np.minimum(values - back, breaks)] == ord(sign)
    if not valid.all():
        raise UserError(f"{path}: line {first_line + int(np.argmin(valid))}: not '\"<id>\": <value>,': build the file again")
    commas = lines[breaks - 1] == ord(",")
    if not commas[:-1].all():
        raise UserError(f"{path}: line {first_line + int(np.argmin(commas))}: no comma at its end: build the file again")
    return _Block(path, first_line, lines, ids, values, breaks - commas)
