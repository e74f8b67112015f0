"""JSON files keyed by post id: UTF-8, ids ascending, one entry a line, a final newline.

    {
    "1": {"caption":"A girl."},
    "2": {"caption":"A boy."}
    }

The layout lets a program read such a file of any size line by line, and a person read it with head and grep. Values
are handled as JSON text: what is only copied is never decoded. Files of other tools go through `booruflow.sources.json_object`.
"""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.files import SentFile, Writer, open_input, open_whole
from booruflow.core.ids import MAX_ID_DIGITS
from booruflow.core.progress import progress
from booruflow.core.streams import Stream, ahead

BLOCK = 8 << 20
"""Bytes read at a time."""

SCHEMA = {"id": pl.Int64, "value": pl.String}
"""A stream of entries: the id and the JSON text of its value."""

Ints = NDArray[np.int64]


def text_of(column: str) -> pl.Expr:
    """The strings of `column` as JSON text with its quotes (RFC 8259)."""
    # json_encode writes {"column":"text"}: what stands around the text goes
    encoded = pl.struct(column).struct.json_encode()
    return encoded.str.slice(len(column) + 4).str.head(-1)


def member_text(value: str, name: str) -> pl.Expr:
    """The JSON text of the only member `name` of the objects in column `value`."""
    return pl.col(value).str.slice(len(name) + 4).str.head(-1)


def decoded(expression: pl.Expr) -> pl.Expr:
    """JSON text of strings back to the strings."""
    bare = expression.str.slice(1).str.head(-1)
    # few captions hold an escape, and decoding is dear
    return pl.when(bare.str.contains("\\", literal=True)).then(expression.str.json_decode(pl.String)).otherwise(bare)


def buffer_of(lines: pl.Series) -> memoryview:
    """The bytes of a column of strings, one after the other."""
    array = lines.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    if not len(array):
        return memoryview(b"")
    return memoryview(array.buffers()[2])[int(offsets[0]) : int(offsets[-1])]


def write_entries(path: str | Path, stream: Iterable[pl.DataFrame]) -> int:
    """Write a stream of `id` and `value` (JSON text); return how many entries."""
    line = pl.concat_str(pl.format('"{}": ', "id"), "value", pl.lit(",\n"))
    with open_whole(path) as file:
        return write_lines(SentFile(file), (frame.select(line).to_series() for frame in stream))


def write_lines(file: Writer, stream: Iterable[pl.Series]) -> int:
    """Write lines, each `<key>: <value>,` with its line break, as a JSON object; return how many."""
    count = 0
    file.write(b"{\n")
    for lines in ahead(stream):
        if len(lines):
            file.write(b",\n" if count else b"")
            file.write(buffer_of(lines)[:-2])
            count += len(lines)
    file.write(b"\n}\n" if count else b"}\n")
    return count


def read_entries(path: str | Path, what: str | None = None) -> Stream:
    """Read a file in this module's layout as a stream of `id` and `value` (JSON text); with `what`, show progress under it.

    Raises:
        UserError: the file is not in this layout, is cut short, or its ids do not ascend; the message names the line.
    """
    yield pl.DataFrame(schema=SCHEMA)
    with progress(Path(path).stat().st_size, what, "B") if what else nullcontext() as bar:
        for block in _blocks(path):
            yield pl.DataFrame({"id": block.ids, "value": block.values()})
            if bar is not None:
                bar.update(len(block.lines))


def read_ids(path: str | Path) -> Stream:
    """The ids of `read_entries` alone, in less than half the time: no value is looked at.

    Raises:
        UserError: as for `read_entries`.
    """
    yield pl.DataFrame(schema={"id": pl.Int64})
    for block in _blocks(path):
        yield pl.DataFrame({"id": block.ids})


@dataclass(frozen=True)
class _Block:
    """Whole lines `"<id>": <value>,` of a file: the n ids, and where in `lines` the value of each starts and ends."""

    path: str | Path
    first_line: int
    lines: bytes
    ids: Ints
    starts: Ints
    ends: Ints

    def values(self) -> pl.Series:
        """The values; no string is copied.

        Raises:
            UserError: one is not UTF-8.
        """
        # every other piece stands between two values
        offsets = np.stack([self.starts, self.ends], axis=1).ravel()
        array = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(self.lines))
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            raise UserError(f"{self.path}: near line {self.first_line}: not UTF-8: build the file again") from error
        return pl.Series("value", array).gather_every(2)


def _blocks(path: str | Path) -> Iterator[_Block]:
    with open_input(path) as file:
        if file.readline() != b"{\n":
            raise UserError(f"{path}: line 1: not a file keyed by id with one entry a line: build it again")
        line, last, rest = 2, -1, b""
        while got := file.read(BLOCK):
            text = rest + got
            lines = text[: text.rfind(b"\n") + 1]
            if lines == b"}\n" or lines.endswith(b"\n}\n"):
                lines = lines[:-2]
            rest = text[len(lines) :]
            if not lines:
                continue
            block = _parsed(lines, path, line)
            if block.ids[0] <= last or (np.diff(block.ids) <= 0).any():
                raise UserError(f"{path}: near line {line}: ids do not ascend: build it again")
            line, last = line + len(block.ids), block.ids[-1]
            yield block
        if rest != b"}\n":
            raise UserError(f"{path}: line {line}: the file is cut short: build it again")


def _parsed(lines: bytes, path: str | Path, first_line: int) -> _Block:
    data = np.frombuffer(lines, np.uint8)
    breaks = np.flatnonzero(data == ord("\n"))
    starts = np.concatenate([[0], breaks[:-1] + 1])
    ids, digits = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
    going = data[starts] == ord('"')
    for place in range(1, MAX_ID_DIGITS + 1):
        figure = data[np.minimum(starts + place, breaks)].astype(np.int64) - ord("0")
        going &= (figure >= 0) & (figure <= 9)
        if not going.any():
            break
        ids = np.where(going, ids * 10 + figure, ids)
        digits += going
    values = starts + digits + len('"": ')
    sound = (digits > 0) & (values < breaks) & (ids >= 0)
    for back, sign in ((3, '"'), (2, ":"), (1, " ")):
        sound &= data[np.minimum(values - back, breaks)] == ord(sign)
    if not sound.all():
        raise UserError(f"{path}: line {first_line + int(np.argmin(sound))}: not '\"<id>\": <value>,': build the file again")
    return _Block(path, first_line, lines, ids, values, breaks - (data[breaks - 1] == ord(",")))
