"""JSON files of other tools, keyed by post: read in any layout and key order, and turned into parquet once."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import open_input
from booruflow.core.progress import progress
from booruflow.core.streams import Stream
from booruflow.core.tables import write_stream
from booruflow.sources.base_captions import CAPTIONS
from booruflow.sources.resolutions import KNOWN_RESOLUTIONS

BLOCK = 1 << 20
"""Bytes of JSON decoded at a time."""

LONGEST = 64 << 20
"""Bytes of an entry, so that a file of another kind is refused before it fills the memory."""

DEEPER = np.zeros(256, np.int8)
DEEPER[[ord("{"), ord("[")]] = 1
DEEPER[[ord("}"), ord("]")]] = -1
"""How a byte of JSON outside strings changes the depth."""

MOST_DIGITS = 18
"""Of an id, so that it is below 2**63."""

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def captions_to_parquet(paths: Sequence[str | Path], target: str | Path) -> int:
    """Write captions JSON files (`{"<id>": {"caption": "..."}}` or `{"<id>": "..."}`) as parquet: `id`, `caption`.

    Keys are ids or image paths whose name is an id. An entry without a caption, as in a file of bad outputs, is null.
    Returns: the number of captions.

    Raises:
        UserError: a file is not such JSON, or two entries are of one id; file and key are named.
    """
    captions = entries = 0

    def counted() -> Stream:
        nonlocal captions, entries
        for frame in _frames(paths, _caption_of, CAPTIONS):
            captions += frame["caption"].count()
            entries += len(frame)
            yield frame

    write_stream(target, counted(), CAPTIONS)
    print(f"{captions} captions, {entries - captions} entries without one")
    return captions


def kohya_to_parquet(path: str | Path, target: str | Path) -> int:
    """Write the resolutions of a kohya metadata JSON as parquet with the columns of KNOWN_RESOLUTIONS.

    Keys are ids or image paths whose name is an id. Entries have `train_resolution` (up to v0.9), `image_size` (from
    v0.10), both, or neither. Returns: the number of entries.

    Raises:
        UserError: as `captions_to_parquet`.
    """
    return write_stream(target, _frames([path], _resolution_of, KNOWN_RESOLUTIONS), KNOWN_RESOLUTIONS)


def _caption_of(entry: Json) -> tuple[str | None]:
    text = entry.get("caption") if isinstance(entry, dict) else entry
    if not isinstance(text, str | None):
        raise ValueError("its caption is not text")
    return (text,)


def _resolution_of(entry: Json) -> tuple[int | None, ...]:
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    return (*_pair(entry.get("train_resolution")), *_pair(entry.get("image_size")))


def _pair(value: Json) -> tuple[int, int] | tuple[None, None]:
    match value:
        case None:
            return None, None
        case [int() | float() as width, int() | float() as height] if 0 < width < 1 << 31 and 0 < height < 1 << 31:
            return int(width), int(height)
    raise ValueError(f"{value!r} is not [width, height]")


def _frames(paths: Sequence[str | Path], values_of: Callable[[Json], tuple[object, ...]], schema: Mapping[str, Any]) -> Stream:
    """The entries of JSON objects, file by file in their order, as frames of `schema`."""
    ids_of = []
    for path in paths:
        ids = [np.empty(0, np.int64)]
        for entries in read_object(path):
            rows = []
            for key, entry in entries.items():
                try:
                    rows.append((_id_of(key), *values_of(entry)))
                except ValueError as error:
                    raise UserError(f"{path}: key {key!r}: {error}: mend or drop the entry") from error
            frame = pl.DataFrame(rows, schema=dict(schema), orient="row")
            ids.append(frame["id"].to_numpy())
            yield frame
        ids_of.append(np.concatenate(ids))
    _refuse_duplicates(paths, ids_of)


def _refuse_duplicates(paths: Sequence[str | Path], ids_of: Sequence[np.ndarray]) -> None:
    ordered = np.sort(np.concatenate(ids_of))
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        places = [str(path) for path, ids in zip(paths, ids_of, strict=True) if twice[0] in ids]
        raise UserError(f"{' and '.join(places)}: id {twice[0]} has two entries ({len(twice)} such in all): drop one of them")


def _id_of(key: str) -> int:
    stem = key.replace("\\", "/").rsplit("/", 1)[-1].split(".", 1)[0]
    if not (stem.isascii() and stem.isdigit() and len(stem) <= MOST_DIGITS):
        raise ValueError("neither a post id nor a path to <id>.<ext>")
    return int(stem)


def read_object(path: str | Path) -> Iterator[dict[str, Json]]:
    """The entries of a JSON file that is one object, in any layout, some at a time, in its order.

    It is cut at the commas between its entries, and the pieces are decoded one by one: as strictly as a whole file would be
    (RFC 8259, no lone surrogates, no NaN). Takes memory for a few blocks and the longest entry.

    Raises:
        UserError: the file is missing, not JSON, not an object, or has a key twice; the key or byte is named.
    """
    with open_input(path) as file, progress(Path(path).stat().st_size, Path(path).name, "B") as bar:
        opening = file.read(BLOCK)
        bar.update(len(opening))
        text = opening.removeprefix(b"\xef\xbb\xbf").lstrip()
        if not text.startswith(b"{"):
            raise UserError(f'{path}: begins with {text[:20]!r}, not with an object {{"<id>": ...}}: name another file')
        rest, count = text[1:], 0
        while True:
            commas = _commas(rest)
            if len(commas):
                yield _decoded(path, rest[: commas[-1]], commas[:-1])
                rest, count = rest[commas[-1] + 1 :], count + len(commas)
            if len(rest) > LONGEST:
                raise UserError(f"{path}: {_key(rest)}: an entry of more than {LONGEST:,} bytes: name a file keyed by id")
            if not (got := file.read(BLOCK)):
                break
            rest += got
            bar.update(len(got))
    last = rest.strip()
    if not last.endswith(b"}"):
        raise UserError(f"{path}: {_key(last)}: the file is cut short in or after it: fetch or write it again")
    if count or last != b"}":
        yield _decoded(path, last[:-1], commas[:0])


def _commas(text: bytes) -> np.ndarray:
    """Where the commas between entries are, in text that begins with an entry."""
    pieces = text.replace(rb"\\", b"  ").replace(rb"\"", b"  ").split(b'"')
    # each string is left as one quote, so that what is between them is short
    outside = np.frombuffer(b'"'.join(pieces[::2]), np.uint8)
    left_out = np.cumsum([0, *(len(string) + 1 for string in pieces[1::2])])
    commas = np.flatnonzero((outside == ord(",")) & (np.cumsum(DEEPER[outside]) == 0))
    places: np.ndarray = commas + left_out[np.cumsum(outside == ord('"'))[commas]]
    return places


def _decoded(path: str | Path, text: bytes, commas: np.ndarray) -> dict[str, Json]:
    """Entries with `commas` between them."""
    with suppress(orjson.JSONDecodeError):
        entries: dict[str, Json] = orjson.loads(b"{%b}" % text)
        if len(entries) == len(commas) + 1:
            return entries
    ends = [-1, *commas.tolist(), len(text)]
    raise UserError(f"{path}: " + next(_faults(text[start + 1 : end] for start, end in pairwise(ends))))


def _faults(entries: Iterable[bytes]) -> Iterator[str]:
    """What is wrong with entries that cannot be decoded together."""
    seen: set[str] = set()
    for text in entries:
        try:
            keys = orjson.loads(b"{%b}" % text).keys()
        except orjson.JSONDecodeError as error:
            yield f"{_key(text)}: not valid JSON ({error.msg}): mend it, or fetch the file again if it is cut short"
            continue
        if not keys:
            yield "a comma without an entry: drop it"
        elif keys <= seen:
            yield f"{_key(text)} stands twice: drop one of its entries"
        seen |= keys


def _key(entry: bytes) -> str:
    """The key that an entry begins with, for a message."""
    text = entry.lstrip()[:200].decode(errors="replace")
    found = re.match(r'"(?:[^"\\]|\\.)*"', text)
    return f"key {found[0]}" if found else f"at {text[:40]!r}" if text else "at its end"
