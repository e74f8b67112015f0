"""Tag columns of the posts file, split into tags batch by batch without a Python loop over posts or tags."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.tables import open_table, require_columns

BATCH_ROWS = 32_768
"""Large enough to amortise hashing the vocabulary, which each batch does once to look its tags up."""
_SPACE = 0x20
"""All bytes up to the space (tabs and line breaks too) separate names, so a name always fits on one line of a file."""


class TagColumn(NamedTuple):
    """The tags of a column of tag strings, row by row: `counts` (n,) is the number of tags in each row.

    `tags` are the names of all rows, each followed by a space.
    """

    counts: NDArray[np.int64]
    tags: pa.StringArray


def post_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read columns of the posts file in batches of `BATCH_ROWS` rows, in file order.

    Raises:
        UserError: the file is missing, is not a complete parquet file, or lacks a column.
    """
    table = open_table(path)
    require_columns(path, table.schema_arrow.names, columns)
    try:
        yield from table.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read to its end: run the rule posts again") from error


def split_tags(column: pa.Array) -> TagColumn:
    """Split a column of tag strings at spaces and control characters; null and empty strings have no tags.

    A space is appended to every string, so every name in the joined text is followed by one. The names, each with its
    space, are an Arrow array over the same bytes, without a copy.
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
    is_name = np.diff(bounds) > 1
    if is_name.all():
        return TagColumn(counts, tags)
    rows = np.repeat(np.arange(counts.size), counts)
    return TagColumn(np.bincount(rows[is_name], minlength=counts.size), tags.filter(pa.array(is_name)))


def _spaces(text: NDArray[np.uint8]) -> NDArray[np.int64]:
    """`np.flatnonzero(text == _SPACE)`, in half the time where no two spaces are adjacent.

    In that case it is enough to find pairs of bytes that contain a space. Pairs are twice as dense, one in six or seven,
    and numpy is fast from a density of 0.1 on.
    """
    flags = np.zeros(text.size + text.size % 2, bool)
    np.equal(text, _SPACE, out=flags[: text.size])
    pairs = flags.view("<u2")
    if (pairs == 0x0101).any():
        return np.flatnonzero(flags)
    places = np.flatnonzero(pairs != 0)
    found: NDArray[np.int64] = 2 * places + (pairs[places] == 0x0100)
    return found
