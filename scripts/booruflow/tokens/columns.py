"""Tag columns of the posts file, taken apart a batch at a time without a Python loop over posts or tags."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.tables import open_table, require_columns

BATCH = 16_384
"""Rows of a batch: to look its tags up, the vocabulary is hashed once a batch."""

_SPACE = 0x20
"""Bytes up to the space (tab and line breaks too) stand between names, so that a name is always one line of a file."""


class TagColumn(NamedTuple):
    """Every tag of a column of tag strings, row by row, in order: `counts` (n,) tags in each row; `tags`, the names.

    Each name has a space behind it.
    """

    counts: NDArray[np.int64]
    tags: pa.StringArray


def post_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read columns of the posts file in batches of `BATCH` rows, in its order.

    Raises:
        UserError: the file is missing, is no whole parquet file, or lacks a column.
    """
    table = open_table(path)
    require_columns(table, path, columns)
    try:
        yield from table.iter_batches(BATCH, columns=list(columns), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read to its end: make the posts file again") from error


def split_tags(column: pa.Array) -> TagColumn:
    """Split a column of tag strings at spaces and control characters; null and empty strings hold no tag.

    Every string gets a space at its end. So the whole text is names with one space after each, and the names, each
    with its space, become an Arrow array over the same bytes.
    """
    closed = pc.binary_join_element_wise(column.cast(pa.string()), "", " ", null_handling="replace")
    offsets = np.frombuffer(closed.buffers()[1], np.int32)[: len(closed) + 1]
    text = np.frombuffer(closed.buffers()[2], np.uint8)[: offsets[-1]]
    if text.min(initial=_SPACE) < _SPACE:
        text = np.maximum(text, _SPACE)
    ends = _spaces(text) + 1
    bounds = np.zeros(ends.size + 1, np.int32)
    bounds[1:] = ends
    counts = np.diff(np.searchsorted(bounds, offsets))
    tags = pa.StringArray.from_buffers(ends.size, pa.py_buffer(bounds), pa.py_buffer(text))
    named = np.diff(bounds) > 1
    if named.all():
        return TagColumn(counts, tags)
    rows = np.repeat(np.arange(counts.size), counts)
    return TagColumn(np.bincount(rows[named], minlength=counts.size), tags.filter(pa.array(named)))


def _spaces(text: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where the spaces are: `np.flatnonzero(text == _SPACE)`, in half the time while no two spaces are neighbours.

    Then it is enough to look for pairs of bytes that have one. They are twice as dense, one in six or seven, and numpy
    finds flags quickly from a density of 0.1 on.
    """
    flags = np.zeros(text.size + text.size % 2, bool)
    np.equal(text, _SPACE, out=flags[: text.size])
    pairs = flags.view("<u2")
    if (pairs == 0x0101).any():
        return np.flatnonzero(flags)
    places = np.flatnonzero(pairs != 0)
    found: NDArray[np.int64] = 2 * places + (pairs[places] == 0x0100)
    return found
