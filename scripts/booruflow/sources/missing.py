"""What is missing: which ids of the id list lack tags, a caption, or a latent (a training resolution)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from booruflow.core.files import open_input, open_whole
from booruflow.core.idjson import READ_BYTES
from booruflow.core.streams import Stream, aligned

KINDS = ("tags", "caption", "latent")


def lacking(posts: Iterable[pl.DataFrame], having: Sequence[Iterable[pl.DataFrame]]) -> list[np.ndarray]:
    """For each of the streams `having`: the ids of `posts` that it does not have, ascending. Holds 8 bytes an id found."""
    found: list[list[np.ndarray]] = [[] for _ in having]
    for wanted, *some in aligned([posts, *having]):
        for ids, there in zip(found, some, strict=True):
            ids.append(wanted.filter(~pl.col("id").is_in(there["id"].implode()))["id"].to_numpy())
    return [np.concatenate(ids) if ids else np.empty(0, np.int64) for ids in found]


def write_missing(path: str | Path, lists: Sequence[np.ndarray]) -> None:
    """Write `{"tags": [...], "caption": [...], "latent": [...]}`, one id a line."""
    with open_whole(path) as file:
        for kind, ids, opening in zip(KINDS, lists, ("{", ",", ","), strict=True):
            file.write(f'{opening}\n"{kind}": [\n'.encode())
            for start in range(0, len(ids), READ_BYTES):
                some = pl.Series(ids[start : start + READ_BYTES]).cast(pl.String).str.join(",\n").item()
                file.write(b",\n" * (start > 0) + some.encode())
            file.write(b"\n]" if len(ids) else b"]")
        file.write(b"\n}\n")


def missing_ids(path: str | Path, kind: str) -> Stream:
    """One of the lists of a file that `write_missing` wrote, as a stream of `id`."""
    yield pl.DataFrame(schema={"id": pl.Int64})
    with open_input(path) as file:
        for line in file:
            if line == f'"{kind}": [\n'.encode():
                break
        while lines := file.readlines(READ_BYTES):
            numbers = [line.rstrip(b",\n") for line in lines]
            end = next((i for i, text in enumerate(numbers) if not text.isdigit()), len(numbers))
            if end:
                yield pl.DataFrame({"id": np.array(numbers[:end], dtype="S").astype(np.int64)})
            if end < len(numbers):
                return
