"""Which posts are in a subset: those that meet its conditions, less duplicates, less what is above a limit, or a sample."""

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import open_input
from booruflow.core.idjson import MAX_ID_DIGITS
from booruflow.products.draws import uniform
from booruflow.products.subset import columns_of, conditions, has_tag
from booruflow.sources.posts import TAG_CATEGORIES

Dropped = Counter[str]
"""How many posts each filter left out."""

MAX_GENERATIONS = 100
"""Of a family; parents in a circle have no first one."""


def columns_read(post_filter: Mapping[str, Any]) -> list[str]:
    """The columns of posts that a filter reads: those of its conditions, of duplicates, and of tags with a limit."""
    limited = post_filter.get("at_most", {})
    tags = [name for name in TAG_CATEGORIES if name in limited] if limited.keys() <= set(TAG_CATEGORIES) else TAG_CATEGORIES
    return list(dict.fromkeys([*columns_of(post_filter), *post_filter.get("duplicates", ()), *tags]))


def selected(posts: Iterable[pl.DataFrame], post_filter: Mapping[str, Any], dropped: Dropped) -> list[pl.DataFrame]:
    """The ids of the posts of a subset, in frames, ascending.

    First come the conditions (see `booruflow.products.subset.conditions`) and `ids` (a file of ids), post by post. Of those that
    are left, `duplicates` keeps one of each md5, the lowest id, and one of each family of a parent, its children, theirs and so
    on, the parent of all if it is there, else the lowest id. Then `at_most` keeps, for each tag of a category or for one tag, at
    most so many posts, and `sample` at most so many in all; both take the posts in the order of a hash of `seed` and the id. Uses
    some 100 bytes of memory for each post that meets the conditions, where any of the last three is set.

    Args:
        posts: `columns_read` of the posts.
        post_filter: the config section of one subset.
        dropped: takes how many posts each filter left out.

    Raises:
        UserError: the file of ids cannot be read, or a line of it is not an id.
    """
    limits: Mapping[str, int] = post_filter.get("at_most", {})
    duplicates, sample = post_filter.get("duplicates", ()), post_filter.get("sample")
    limited = [pl.col(key) if key in TAG_CATEGORIES else has_tag(key).alias(key) for key in limits]
    kept = [frame.select("id", *duplicates, *limited) for frame in _meeting(posts, post_filter, dropped)]
    if not limits and not duplicates and sample is None:
        return kept
    rows = pl.concat(kept)
    for name in duplicates:
        rows = _counting(rows, _firsts(rows, name), f"duplicates: {name}", dropped)
    rows = rows.with_columns(order=uniform(rows["id"].to_numpy(), post_filter.get("seed", 0))).sort("order", "id")
    for key, limit in limits.items():
        rows = _counting(rows, rows.filter(_within(rows[key], limit)), f"at_most: {key}", dropped)
    if sample is not None:
        rows = _counting(rows, rows.head(sample), "sample", dropped)
    return [rows.select(pl.col("id").sort())]


def _meeting(posts: Iterable[pl.DataFrame], post_filter: Mapping[str, Any], dropped: Dropped) -> Iterator[pl.DataFrame]:
    checks = conditions(post_filter)
    if post_filter.get("ids"):
        checks["ids"] = pl.col("id").is_in(read_ids(post_filter["ids"]).implode())
    for frame in posts:
        for name, check in checks.items():
            frame = _counting(frame, frame.filter(check), name, dropped)
        yield frame


def _counting(before: pl.DataFrame, after: pl.DataFrame, name: str, dropped: Dropped) -> pl.DataFrame:
    dropped[name] += len(before) - len(after)
    return after


def _firsts(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows that are kept: one of each md5, or of each family."""
    if name == "md5":
        return rows.filter(pl.col("md5").is_null() | (pl.col("id") == pl.col("id").min().over("md5")))
    first_parent = pl.col("id").filter(pl.col("id") == pl.col("family")).first()
    kept = _families(rows).group_by("family").agg(id=pl.coalesce(first_parent, pl.col("id").min()))
    return rows.join(kept, on="id", how="semi", maintain_order="left")


def _families(rows: pl.DataFrame) -> pl.DataFrame:
    """The `family` of each `id`: the parent of its parent and so on, as far as these are among the rows."""
    parents = rows.select(family="id", above="parent_id").drop_nulls()
    found = rows.select("id", family=pl.coalesce("parent_id", "id"))
    for _ in range(MAX_GENERATIONS):
        above = found.join(parents, on="family", how="left", maintain_order="left")
        if not above["above"].count():
            break
        found = above.select("id", family=pl.coalesce("above", "family"))
    return found


def _within(values: pl.Series, limit: int) -> list[bool]:
    """Whether each post is within the limit, in this order: of all its tags, or as one of those that have the tag."""
    counts: Counter[str] = Counter()
    within = []
    for value in values:
        tags = value.split() if isinstance(value, str) else ["tag"] * value
        fits = all(counts[tag] < limit for tag in tags)
        if fits:
            counts.update(tags)
        within.append(fits)
    return within


def read_ids(path: str) -> pl.Series:
    """The ids in a text file, one a line; empty lines and those that begin with `#` do not count.

    Raises:
        UserError: the file cannot be read, or a line is something else.
    """
    ids = []
    with open_input(path) as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(codecs.BOM_UTF8).strip() if number == 1 else line.strip()
            if text.isdigit() and len(text) <= MAX_ID_DIGITS:
                ids.append(int(text))
            elif text and not text.startswith(b"#"):
                shown = text[:40].decode(errors="replace")
                raise UserError(f"{path}: line {number}: '{shown}' is not a post id: write one id a line")
    if not ids:
        raise UserError(f"{path}: no id in it: write one a line, or remove the condition ids")
    return pl.Series("id", ids, pl.Int64)
