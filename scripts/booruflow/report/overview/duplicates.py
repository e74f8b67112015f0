"""Posts that may show one image twice: equal MD5, and parents with their children; where the metadata has these columns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

SHOWN = 5

Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Duplicates:
    """Groups of posts that share a value."""

    posts: int = 0
    """With a value."""
    shared: int = 0
    """Of these, the posts in groups of two or more."""
    groups: int = 0
    largest: list[tuple[list[int], int]] = field(default_factory=list)
    """The first ids, and the number of all ids, of the largest groups."""


class Grouping:
    """Collects a number for each post, 16 bytes a post, and finds those that are equal."""

    def __init__(self) -> None:
        self._ids: list[Numbers] = [np.empty(0, np.int64)]
        self._values: list[Numbers] = [np.empty(0, np.uint64)]

    def add(self, ids: pl.Series, values: pl.Series) -> None:
        """Add posts with their values, whole numbers from 0."""
        self._ids.append(ids.to_numpy())
        self._values.append(values.cast(pl.UInt64).to_numpy())

    def find(self) -> Duplicates:
        """The groups of posts with equal values."""
        values, ids = np.concatenate(self._values), np.concatenate(self._ids)
        order = np.argsort(values, kind="stable")
        values, ids = values[order], ids[order]
        starts = np.flatnonzero(np.diff(values, prepend=values[:1] ^ np.uint64(1))) if len(values) else np.empty(0, np.int64)
        sizes = np.diff(starts, append=len(values))
        starts, sizes = starts[sizes > 1], sizes[sizes > 1]
        largest = np.lexsort((ids[starts], -sizes))[:SHOWN]
        groups = [
            (ids[start : start + min(size, SHOWN)].tolist(), int(size))
            for start, size in zip(starts[largest], sizes[largest], strict=True)
        ]
        return Duplicates(len(values), int(sizes.sum()), len(sizes), groups)


def find_duplicates(posts: Iterable[pl.DataFrame]) -> tuple[Duplicates | None, Duplicates | None]:
    """Posts with equal MD5; and families, that is a parent with its children, or children of a parent that is not there.

    None stands for a column that the posts, a stream of `id` and perhaps `md5` and `parent_id`, do not have. A hash of 64 bits
    stands for each MD5: of 8 million different ones two are equal once in 600,000 data sets.
    """
    md5, families = Grouping(), Grouping()
    columns: set[str] = set()
    for frame in posts:
        columns |= set(frame.columns)
        if "md5" in columns:
            known = frame.filter(pl.col("md5") != "")
            md5.add(known["id"], known["md5"].str.to_lowercase().hash(seed=0))
        if "parent_id" in columns:
            families.add(frame["id"], frame.select(pl.coalesce("parent_id", "id")).to_series())
    return md5.find() if "md5" in columns else None, families.find() if "parent_id" in columns else None
