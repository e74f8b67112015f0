"""How many posts have each tag, category by category, and how often each piece helps to spell a general label."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.compute as pc

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.core.progress import progress
from booruflow.core.tables import open_table
from booruflow.tokens import CATEGORIES
from booruflow.tokens.columns import TagColumn, post_batches, split_tags
from booruflow.tokens.labels import pieces

_HEADER = "name\tcount"
_BATCHES_BETWEEN_SUMS = 32


def count_tags(posts: Path) -> dict[str, dict[str, int]]:
    """For each category, the number of posts that have each name; a name that stands twice in a post counts once.

    Memory grows with the number of different names, not with the number of posts.

    Raises:
        UserError: the posts file cannot be read.
    """
    parts: dict[str, list[pl.DataFrame]] = {category: [] for category in CATEGORIES}
    with progress(open_table(posts).metadata.num_rows, "counting tags") as bar:
        for batch in post_batches(posts, list(CATEGORIES)):
            for category, counted in parts.items():
                counted.append(_posts_with(split_tags(batch.column(category))))
                if len(counted) == _BATCHES_BETWEEN_SUMS:
                    parts[category] = [_sums(counted)]
            bar.update(batch.num_rows)
    return {category: dict(_sums(counted).iter_rows()) for category, counted in parts.items()}


def _sums(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema={"name": pl.String, "count": pl.Int64})
    return pl.concat(parts).group_by("name").agg(pl.col("count").sum())


def _posts_with(column: TagColumn) -> pl.DataFrame:
    """The names of the column, each with the number of rows that have it."""
    tags = column.tags.dictionary_encode()
    pairs = np.sort(np.repeat(np.arange(column.counts.size) << 32, column.counts) | tags.indices.to_numpy())
    new = np.ones(pairs.size, bool)
    np.not_equal(pairs[1:], pairs[:-1], out=new[1:])
    counts = np.bincount(pairs[new] & 0xFFFFFFFF)
    return pl.DataFrame({"name": pl.from_arrow(pc.utf8_rtrim(tags.dictionary, " ")), "count": counts})


def count_pieces(labels: Mapping[str, int]) -> Counter[str]:
    """How often each piece stands in a label that can be split, over all posts, from the labels' counts."""
    counts: Counter[str] = Counter()
    for label, count in labels.items():
        spelled = pieces(label)
        if len(spelled) > 1:
            for piece in spelled:
                counts[piece] += count
    return counts


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
    """Read what `write_prevalence` wrote, in the file's order.

    Raises:
        UserError: the file is missing, or a line is not a name, a tab and a count.
    """
    try:
        lines = path.read_bytes().decode().split("\n")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file: count the tags first") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}: count the tags again") from error
    counts = {}
    for number, line in enumerate(lines[1:-1], start=2):
        name, _, count = line.rpartition("\t")
        if not (name and count.isdecimal()):
            raise UserError(f"{path}, line {number}: not a name, a tab and a count: count the tags again")
        counts[name] = int(count)
    if lines[0] != _HEADER or lines[-1]:
        raise UserError(f"{path}: no header line or no final line break: count the tags again")
    return counts
