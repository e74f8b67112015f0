"""The tags of a batch of posts as two arrays: whose they are, and which; and what is done to them, without a loop over posts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.integer]

CELLS = 1 << 24
"""Cells of the table of rows and tags in which tags are looked up; more rows are taken in parts."""


class Tags(NamedTuple):
    """Tags in the order of their posts, shape (tags,): the `row` of each, ascending, and its `name`, a number."""

    row: Ints
    name: Ints

    def where(self, chosen: NDArray[np.bool_]) -> "Tags":
        """The chosen tags."""
        return self if chosen.all() else Tags(self.row[chosen], self.name[chosen])


class Links(NamedTuple):
    """For each name the names `targets[bounds[name] : bounds[name + 1]]`."""

    bounds: Ints
    targets: Ints

    @classmethod
    def of(cls, targets: Sequence[Sequence[int]]) -> "Links":
        """The targets of the names 0, 1, ..."""
        sizes = np.fromiter(map(len, targets), np.int64, len(targets))
        flat = np.fromiter((target for found in targets for target in found), np.int64, int(sizes.sum()))
        return cls(np.concatenate([[0], np.cumsum(sizes)]), flat)

    def followed(self, tags: Tags) -> Tags:
        """The targets of all tags, each in the row of its tag."""
        sizes = np.diff(self.bounds)[tags.name]
        ends = np.cumsum(sizes)
        places = np.arange(int(sizes.sum())) + np.repeat(self.bounds[tags.name] - (ends - sizes), sizes)
        return Tags(np.repeat(tags.row, sizes), self.targets[places])


def without_repeats(tags: Tags, changed: NDArray[np.bool_], names: int) -> Tags:
    """The tags, each name once a row. Only `changed` ones can repeat another: they give way to the others, and to the first."""
    if not changed.any():
        return tags
    at = np.flatnonzero(changed)
    renamed = Tags(tags.row[at], tags.name[at])
    _, first = np.unique(renamed.row.astype(np.int64) << 32 | renamed.name, return_index=True)
    is_first = np.zeros(at.size, bool)
    is_first[first] = True
    stays = ~changed
    stays[at] = is_first & ~has(tags.where(~changed), renamed, names)
    return tags.where(stays)


def has(tags: Tags, wanted: Tags, names: int) -> NDArray[np.bool_]:
    """Whether the row of each wanted tag has it; `names` is the number of names, rows of both ascend."""
    result = np.zeros(wanted.row.size, bool)
    if not wanted.row.size or not tags.row.size:
        return result
    asked = np.zeros(names, bool)
    asked[wanted.name] = True
    column = np.cumsum(asked) - 1
    present = tags.where(asked[tags.name])
    width = int(column[-1]) + 1
    step = max(1, CELLS // width)
    for start in range(0, int(wanted.row[-1]) + 1, step):
        table = np.zeros((step, width), bool)
        low, high = np.searchsorted(present.row, [start, start + step])
        table[present.row[low:high] - start, column[present.name[low:high]]] = True
        low, high = np.searchsorted(wanted.row, [start, start + step])
        result[low:high] = table[wanted.row[low:high] - start, column[wanted.name[low:high]]]
    return result


def appended(tags: Tags, more: Tags) -> Tags:
    """The tags with `more` at the end of their rows; what is twice in `more` once."""
    if not more.row.size:
        return tags
    _, first = np.unique(more.row.astype(np.int64) << 32 | more.name, return_index=True)
    more = Tags(more.row[np.sort(first)], more.name[np.sort(first)])
    row, name = np.concatenate([tags.row, more.row]), np.concatenate([tags.name, more.name])
    order = np.argsort(row, kind="stable")
    return Tags(row[order], name[order])


def joined(tags: Tags, rows: int, texts: Sequence[str], separator: str) -> pl.Series:
    """The texts of each row's tags, joined; null for a row without tags. Shape (rows,)."""
    bounds = np.searchsorted(tags.row, np.arange(rows + 1))
    pieces = pa.array([f"{text}{separator}" for text in texts] + list(texts), pa.large_string())
    index = tags.name.astype(np.int64)
    index[bounds[1:][bounds[1:] > bounds[:-1]] - 1] += len(texts)  # the last tag of a row has no separator behind it
    taken = pieces.take(pa.array(index))
    # the texts of all rows lie behind one another: only other offsets make them lines
    offsets = np.frombuffer(taken.buffers()[1], np.int64)[bounds]
    lines = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), taken.buffers()[2])
    return pl.Series(pc.if_else(pa.array(bounds[1:] > bounds[:-1]), lines, None))
