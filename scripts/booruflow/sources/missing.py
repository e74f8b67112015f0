"""missing.json: which ids of the id list lack tags, a caption, a training resolution or a text."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.files import open_input, open_whole
from booruflow.core.idjson import READ_BYTES
from booruflow.core.streams import Stream, aligned

MISSING_KINDS = ("tags", "caption", "latent", "text")
"""The lists of missing.json; "latent" are the posts without a training resolution. "text", the posts for which all variants are
empty, is in missing_final.json with text.variants only."""

Ids = NDArray[np.int64]


def without(posts: Iterable[pl.DataFrame], present: Iterable[pl.DataFrame]) -> Stream:
    """The rows of `posts` whose ids are not in the stream `present`."""
    for rows, frame in aligned([posts, present]):
        yield rows.join(frame, on="id", how="anti", maintain_order="left")


def find_missing(posts: Iterable[pl.DataFrame], streams: Sequence[Iterable[pl.DataFrame]]) -> list[Ids]:
    """For each of `streams`, the ids of `posts` that it does not have, ascending. Uses 8 bytes of memory an id found."""
    missing: list[list[Ids]] = [[] for _ in streams]
    for post_rows, *frames in aligned([posts, *streams]):
        for ids, present in zip(missing, frames, strict=True):
            ids.append(post_rows.filter(~pl.col("id").is_in(present["id"].implode()))["id"].to_numpy())
    return [np.concatenate([np.empty(0, np.int64), *ids]) for ids in missing]


def write_missing(path: str | Path, lists: Sequence[Ids]) -> None:
    """Write `{"tags": [...], "caption": [...], "latent": [...]}`, perhaps with "text", one id a line: the first MISSING_KINDS."""
    with open_whole(path) as file:
        for number, ids in enumerate(lists):
            file.write(f'{"," if number else "{"}\n"{MISSING_KINDS[number]}": [\n'.encode())
            for start in range(0, len(ids), READ_BYTES):
                lines = pl.Series(ids[start : start + READ_BYTES]).cast(pl.String).str.join(",\n").item()
                file.write(b",\n" * (start > 0) + lines.encode())
            file.write(b"\n]" if len(ids) else b"]")
        file.write(b"\n}\n")


def read_missing(path: str | Path, kind: str) -> Stream:
    """One of the lists of a file written by `write_missing`, as a stream of `id`.

    Raises:
        UserError: the list is not there, has a line that is no id, or does not end.
    """
    yield pl.DataFrame(schema={"id": pl.Int64})
    with open_input(path) as file:
        if f'"{kind}": [\n'.encode() not in iter(file.readline, b""):
            raise UserError(f"{path}: no list '{kind}', or not with one id a line: build the file again")
        last_id = -1
        while lines := file.readlines(READ_BYTES):
            numbers = [line.removesuffix(b"\n").removesuffix(b",") for line in lines]
            end = next((i for i, text in enumerate(numbers) if not text.isdigit()), len(numbers))
            if end:
                ids = np.array(numbers[:end], dtype="S").astype(np.int64)
                if ids[0] <= last_id or (np.diff(ids) <= 0).any():
                    raise UserError(f"{path}: ids of the list '{kind}' do not ascend: build the file again")
                last_id = ids[-1]
                yield pl.DataFrame({"id": ids})
            if end < len(numbers):
                if numbers[end] != b"]":
                    raise UserError(f"{path}: not an id in the list '{kind}': {lines[end][:40]!r}: build the file again")
                return
        raise UserError(f"{path}: the file is cut short in the list '{kind}': build it again")
