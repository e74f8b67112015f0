"""Large JSON objects keyed by post, written by other tools in any layout and key order, read as a stream."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from booruflow.core.errors import UserError, json_fault
from booruflow.core.files import open_input
from booruflow.core.idjson import MAX_ID_DIGITS
from booruflow.core.progress import progress
from booruflow.sources.tables.sorted_rows import refuse_duplicates

BLOCK = 1 << 20
"""Bytes of JSON decoded at a time."""

OPENING = 1 << 16
"""Bytes at the start of a file that are looked at before the first job."""

MAX_ENTRY = 64 << 20
"""Bytes of the longest entry accepted, so that a file which is not keyed by post is refused before it fills the memory."""

DEPTH_STEP = np.zeros(256, np.int8)
DEPTH_STEP[[ord("{"), ord("[")]] = 1
DEPTH_STEP[[ord("}"), ord("]")]] = -1
"""By how much a byte outside strings changes the nesting depth."""

KEY = re.compile(rf"(?:.*[/\\])?([0-9]{{1,{MAX_ID_DIGITS}}})(?:\.[A-Za-z][^./\\]*)*", re.DOTALL)
"""A post id, or a path to `<id>.<ext>`. An extension begins with a letter: `1.5` is no post."""

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def post_rows(
    paths: Sequence[str | Path], values_of: Callable[[Json], tuple[object, ...]], schema: Mapping[str, Any]
) -> Iterator[pl.DataFrame]:
    """One row for each entry of JSON files, in their order. Keys are post ids, or image paths whose file name is an id.

    Args:
        paths: JSON files.
        values_of: the values of a row after its id; raises ValueError if the entry is not as expected.
        schema: of the rows, `id` first.

    Raises:
        UserError: a file is not such JSON, or an id occurs twice; file and key, or file and entry, are named.
    """
    ids_of = []
    for path in paths:
        ids = [np.empty(0, np.int64)]
        for entries in read_object(path):
            rows = []
            for key, entry in entries.items():
                try:
                    rows.append((_id_of(key), *values_of(entry)))
                except ValueError as error:
                    raise UserError(f"{path}: key {key[:100]!r}: {error}: fix or remove the entry") from error
            frame = pl.DataFrame(rows, schema=dict(schema), orient="row")
            ids.append(frame["id"].to_numpy())
            yield frame
        ids_of.append(np.concatenate(ids))
    refuse_duplicates(paths, ids_of, unit="entry", first=1)


def _id_of(key: str) -> int:
    if not (match := KEY.fullmatch(key)):
        raise ValueError("neither a post id nor a path to <id>.<ext>")
    return int(match[1])


def read_object(path: str | Path) -> Iterator[dict[str, Json]]:
    """The entries of a file that is one JSON object, in file order, a block at a time.

    The text is cut at the commas between entries and decoded block by block, as strictly as the whole file would be
    (RFC 8259, no lone surrogates, no NaN). Uses memory for a few blocks and the longest entry.

    Raises:
        UserError: the file is missing, not JSON, not an object, or has a key twice in a block or in an entry; key or position
            is named.
    """
    with open_input(path) as file, progress(Path(path).stat().st_size, Path(path).name, "B") as bar:
        opening = file.read(BLOCK)
        bar.update(len(opening))
        rest, count = _opened(path, opening), 0
        while True:
            commas, members = _entry_commas(rest)
            if len(commas):
                yield _decode(path, rest[: commas[-1]], commas[:-1], members)
                rest, count = rest[commas[-1] + 1 :], count + len(commas)
            if len(rest) > MAX_ENTRY:
                raise UserError(f"{path}: {_key(rest)}: an entry of more than {MAX_ENTRY:,} bytes: name a file keyed by post id")
            if not (block := file.read(BLOCK)):
                break
            rest += block
            bar.update(len(block))
    last = rest.strip()
    if not last.endswith(b"}"):
        raise UserError(f"{path}: {_key(last)}: the file is cut short in or after it: download or write it again")
    if count or last != b"}":
        yield _decode(path, last[:-1], commas[:0], _entry_commas(last[:-1] + b",")[1])


def check_opening(path: str | Path) -> None:
    """Raise a UserError if a file cannot be read, or does not begin as an object of many entries does. Reads only its start."""
    with open_input(path) as file:
        _opened(path, file.read(OPENING))


def _opened(path: str | Path, opening: bytes) -> bytes:
    """The start of a file behind its first brace."""
    text = opening.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"{"):
        raise UserError(f'{path}: begins with {text[:20]!r}, not with an object {{"<id>": ...}}: name another file')
    refuse_json_lines(path, text)
    return text[1:]


def refuse_json_lines(path: str | Path, text: bytes) -> None:
    """Raise a UserError if `text`, the start of a file, begins with a line that is an object of its own, and another follows."""
    line, _, rest = text.lstrip().partition(b"\n")
    if line.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{"):
        with suppress(orjson.JSONDecodeError):
            orjson.loads(line)
            raise UserError(
                f'{path}: JSON Lines, one object a line: write it as one object {{"<id>": ...}}, or name another file'
            )


def _entry_commas(text: bytes) -> tuple[NDArray[np.int64], int]:
    """Positions of the commas between entries, in text that begins with an entry; and the members of objects up to the last."""
    pieces = text.replace(rb"\\", b"  ").replace(rb"\"", b"  ").split(b'"')
    # replace each string by one quote, so that little text is left to examine byte by byte
    outside = np.frombuffer(b'"'.join(pieces[::2]), np.uint8)
    removed = np.cumsum([0, *(len(string) + 1 for string in pieces[1::2])])
    commas = np.flatnonzero((outside == ord(",")) & (np.cumsum(DEPTH_STEP[outside]) == 0))
    positions: NDArray[np.int64] = commas + removed[np.cumsum(outside == ord('"'))[commas]]
    return positions, int(np.count_nonzero(outside[: commas[-1]] == ord(":"))) if len(commas) else 0


def _decode(path: str | Path, text: bytes, commas: NDArray[np.int64], members: int) -> dict[str, Json]:
    """Decode entries that have the separating commas at the positions `commas`, and `members` members at all depths."""
    with suppress(orjson.JSONDecodeError):
        entries: dict[str, Json] = orjson.loads(b"{%b}" % text)
        # of equal keys orjson keeps the last
        flat = len(entries) + sum(len(entry) for entry in entries.values() if isinstance(entry, dict))
        if len(entries) == len(commas) + 1 and (flat == members or _members(entries) == members):
            return entries
    ends = [-1, *commas.tolist(), len(text)]
    raise UserError(f"{path}: {next(_faults(text[start + 1 : end] for start, end in pairwise(ends)))}")


def _members(value: Json) -> int:
    """The members of an object and of those in it, at any depth."""
    count, waiting = 0, [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            count += len(inner)
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner
    return count


def _faults(entries: Iterable[bytes]) -> Iterator[str]:
    """What is wrong with each entry, where a block of them cannot be decoded."""
    seen: set[str] = set()
    for text in entries:
        try:
            keys, repeated = orjson.loads(b"{%b}" % text).keys(), _repeated_keys(text)
        except RecursionError:
            yield f"{_key(text)}: too many brackets in brackets: fix or remove the entry"
            continue
        except orjson.JSONDecodeError as error:
            yield f"{_key(text)}: not valid JSON ({json_fault(error)}): fix it, or download the file again if it is cut short"
            continue
        if not keys:
            yield "a comma without an entry: remove it"
        elif keys <= seen:
            yield f"{_key(text)} occurs twice: remove one of its entries"
        elif repeated:
            yield f"{_key(text)}: {repeated[0]!r} occurs twice in its entry: keep one"
        seen |= keys


def _repeated_keys(text: bytes) -> list[str]:
    """The keys that an object in an entry has more than once."""
    repeated: list[str] = []

    def check(pairs: list[tuple[str, object]]) -> None:
        repeated.extend(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)

    json.loads(b"{%b}" % text, object_pairs_hook=check)
    return repeated


def _key(entry: bytes) -> str:
    """The key at the start of an entry, for a message."""
    text = entry.lstrip()[:200].decode(errors="replace")
    found = re.match(r'"(?:[^"\\]|\\.)*"', text)
    return f"key {found[0]}" if found else f"at {text[:40]!r}" if text else "at its end"
