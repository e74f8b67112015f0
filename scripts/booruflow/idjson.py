"""JSON files keyed by post id: UTF-8, ids ascending, one entry a line, a final newline.

    {
    "1": {"caption":"A girl."},
    "2": {"caption":"A boy."}
    }

The layout lets a program read such a file of any size line by line, and a person read it with head and grep. Values
are handled as JSON text: what is only copied is never decoded. Files of other tools go through `booruflow.foreign`.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from booruflow.errors import UserError
from booruflow.files import open_input, open_whole
from booruflow.streams import Stream

BLOCK = 2 << 20
"""Bytes read at a time."""

SCHEMA = {"id": pl.Int64, "value": pl.String}
"""A stream of entries: the id and the JSON text of its value."""

MOST_DIGITS = 19
"""Of an id below 2**63."""


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


def write_entries(path: str | Path, stream: Iterable[pl.DataFrame], key: str = "id") -> int:
    """Write the columns `key` (an id, or JSON text of a string) and `value` (JSON text); return how many entries."""
    count = 0
    quoted = pl.format('"{}"', pl.col(key)) if key == "id" else pl.col(key)
    with open_whole(path) as file:
        file.write(b"{\n")
        for frame in stream:
            lines = frame.select(pl.concat_str(quoted, pl.lit(": "), "value", pl.lit(",\n"))).to_series()
            file.write(buffer_of(lines))
            count += len(lines)
        if count:
            file.seek(-2, 2)
            file.write(b"\n")
            file.truncate()
        file.write(b"}\n")
    return count


def read_entries(path: str | Path) -> Stream:
    """Read a file in this module's layout as a stream of `id` and `value` (JSON text).

    Raises:
        UserError: the file is not in this layout, is cut short, or its ids do not ascend; the message names the line.
    """
    yield pl.DataFrame(schema=SCHEMA)
    with open_input(path) as file:
        if file.readline() != b"{\n":
            raise UserError(f"{path}: line 1: not a file keyed by id with one entry a line: build it again")
        line, last, rest = 2, -1, b""
        while got := file.read(BLOCK):
            block = rest + got
            body = block[: block.rfind(b"\n") + 1]
            if body == b"}\n" or body.endswith(b"\n}\n"):
                body = body[:-2]
            rest = block[len(body) :]
            if not body:
                continue
            frame = _entries_of(body, path, line)
            if frame["id"][0] <= last or bool((frame["id"].diff() <= 0).any()):
                raise UserError(f"{path}: near line {line}: ids do not ascend: build it again")
            line, last = line + len(frame), frame["id"][-1]
            yield frame
        if rest != b"}\n":
            raise UserError(f"{path}: line {line}: the file is cut short: build it again")


def _entries_of(body: bytes, path: str | Path, first_line: int) -> pl.DataFrame:
    """Whole lines `"<id>": <value>,` as a frame; no string is copied."""
    data = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    ids, digits = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
    going = data[starts] == ord('"')
    for place in range(1, MOST_DIGITS + 1):
        figure = data[np.minimum(starts + place, ends)].astype(np.int64) - ord("0")
        going &= (figure >= 0) & (figure <= 9)
        ids = np.where(going, ids * 10 + figure, ids)
        digits += going
    values = starts + digits + len('"": ')
    commas = data[ends - 1] == ord(",")
    sound = (digits > 0) & (values < ends) & (ids >= 0)
    for back, sign in ((3, '"'), (2, ":"), (1, " ")):
        sound &= data[np.minimum(values - back, ends)] == ord(sign)
    if not sound.all():
        raise UserError(f"{path}: line {first_line + int(np.argmin(sound))}: not '\"<id>\": <value>,': build the file again")
    offsets = np.empty(2 * len(starts) + 1, np.int64)
    offsets[0:-1:2], offsets[1::2], offsets[-1] = starts, values, len(body)
    # every other piece is a key with its colon; a value loses its comma and line end below
    array = pa.LargeStringArray.from_buffers(2 * len(starts), pa.py_buffer(offsets), pa.py_buffer(body))
    try:
        array.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: near line {first_line}: not UTF-8: build the file again") from error
    pieces = pl.Series("value", array).gather_every(2, 1)
    frame = pl.DataFrame({"id": ids, "value": pieces, "drop": commas.astype(np.int64) + 1})
    return frame.select("id", pl.col("value").str.head(-pl.col("drop")))
