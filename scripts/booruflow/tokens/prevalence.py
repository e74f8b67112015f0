"""How many posts have each tag, by category, and the files `prevalence_{category}.tsv`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.compute as pc

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.core.progress import progress
from booruflow.core.tables import open_table
from booruflow.tags.tag_columns import TagColumn, post_batches, split_tags
from booruflow.tokens.vocabulary import SECTION_ORDER

_HEADER = "name\tcount"
_BATCHES_PER_SUM = 32
"""Batch counts are summed after this many batches, which bounds memory."""


def count_tags(posts: Path) -> dict[str, dict[str, int]]:
    """For each category, the number of posts that have each name; a name repeated in a post counts once.

    Memory grows with the number of different names, not with the number of posts.

    Raises:
        UserError: the posts file cannot be read.
    """
    partial: dict[str, list[pl.DataFrame]] = {category: [] for category in SECTION_ORDER}
    with progress(open_table(posts).metadata.num_rows, "counting tags") as bar:
        for batch in post_batches(posts, list(SECTION_ORDER)):
            for category, frames in partial.items():
                frames.append(_count_rows(split_tags(batch.column(category))))
                if len(frames) == _BATCHES_PER_SUM:
                    partial[category] = [_sum_counts(frames)]
            bar.update(batch.num_rows)
    return {category: dict(_sum_counts(frames).iter_rows()) for category, frames in partial.items()}


def _sum_counts(frames: list[pl.DataFrame]) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema={"name": pl.String, "count": pl.Int64})
    return pl.concat(frames).group_by("name").agg(pl.col("count").sum())


def _count_rows(column: TagColumn) -> pl.DataFrame:
    """The names of a column, each with the number of rows that have it."""
    tags = column.tags.dictionary_encode()
    pairs = np.sort(np.repeat(np.arange(column.counts.size) << 32, column.counts) | tags.indices.to_numpy())
    is_first = np.ones(pairs.size, bool)
    np.not_equal(pairs[1:], pairs[:-1], out=is_first[1:])
    counts = np.bincount(pairs[is_first] & 0xFFFFFFFF)
    return pl.DataFrame({"name": pl.from_arrow(pc.utf8_rtrim(tags.dictionary, " ")), "count": counts})


def write_prevalence(path: Path, counts: Mapping[str, int]) -> None:
    """Write `name<TAB>count` lines below a header: most frequent first, ties by name (by code points).

    Raises:
        UserError: the file cannot be written.
    """
    with open_whole(path) as file:
        file.write(f"{_HEADER}\n".encode())
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            file.write(f"{name}\t{count}\n".encode())


def read_prevalence(path: Path) -> dict[str, int]:
    """Read a file of `write_prevalence`, in the file's order.

    Raises:
        UserError: the file is missing, or a line is not a name, a tab and a count.
    """
    remedy = "run the rule prevalence"
    try:
        lines = path.read_bytes().decode().split("\n")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file: {remedy}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}: {remedy} again") from error
    counts = {}
    for number, line in enumerate(lines[1:-1], start=2):
        name, _, count = line.rpartition("\t")
        if not (name and count.isdecimal()):
            raise UserError(f"{path}, line {number}: not a name, a tab and a count: {remedy} again")
        counts[name] = int(count)
    if lines[0] != _HEADER or lines[-1]:
        raise UserError(f"{path}: no header line or no final line break: {remedy} again")
    return counts
