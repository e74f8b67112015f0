"""The tags of a batch of posts as two arrays: whose they are, and which; and what is done to them, without a loop over posts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.integer]


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


def _keys(tags: Tags) -> NDArray[np.int64]:
    """One number for each tag and its row."""
    return tags.row.astype(np.int64) << 32 | tags.name


def without_repeats(tags: Tags, changed: NDArray[np.bool_], names: int) -> Tags:
    """The tags, each name once a row. Only `changed` ones can repeat another: they give way to the others, and to the first."""
    if not changed.any():
        return tags
    at = np.flatnonzero(changed)
    renamed = Tags(tags.row[at], tags.name[at])
    _, first = np.unique(_keys(renamed), return_index=True)
    is_first = np.zeros(at.size, bool)
    is_first[first] = True
    stays = ~changed
    stays[at] = is_first & ~has(tags, renamed, names, stays)
    return tags.where(stays)


def has(tags: Tags, wanted: Tags, names: int, counted: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Whether the row of each wanted tag has it among the `counted` tags (None: all); `names` is the number of names."""
    asked = np.zeros(names, bool)
    asked[wanted.name] = True
    present = np.sort(_keys(tags.where(asked[tags.name] if counted is None else asked[tags.name] & counted)))
    if not present.size:
        return np.zeros(wanted.row.size, bool)
    keys = _keys(wanted)
    found: NDArray[np.bool_] = present[np.minimum(np.searchsorted(present, keys), present.size - 1)] == keys
    return found


def appended(tags: Tags, more: Tags) -> Tags:
    """The tags with `more` at the end of their rows; what is twice in `more` once."""
    if not more.row.size:
        return tags
    _, first = np.unique(_keys(more), return_index=True)
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
    has_tags = np.packbits(bounds[1:] > bounds[:-1], bitorder="little")
    lines = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), taken.buffers()[2], pa.py_buffer(has_tags))
    return pl.Series(lines)
