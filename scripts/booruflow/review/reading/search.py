"""Search among all posts: row group by row group, within a time, from where the last call ended."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.captioning.shards import shard_of
from booruflow.review.model import Origin, Query
from booruflow.review.reading.outcomes import BASE, WITHOUT
from booruflow.review.reading.posts_table import Group, SortedTable
from booruflow.review.reading.products import Products
from booruflow.sources.posts import TAG_CATEGORIES

META_CAP, FLAGS = "results/meta_cap.json", "results/quality/flags.parquet"
Ids = NDArray[np.int64]
# what tells apart the two origins of a file: bytes of a line, in lower case
_MARKS = {Origin.TAGS_ONLY: b'"caption":""', Origin.FALLBACK: b'"fallback":true'}
_KINDS = {
    Origin.EDITED: "fixed",
    Origin.TAGS_ONLY: "fixed",
    Origin.GENERATED: "good",
    Origin.FALLBACK: "good",
    Origin.BASE: "base",
    **{origin: kind for kind, origin in WITHOUT.items()},
}
_ORDER = ("fixed", "good", "base", *WITHOUT)
"""Sources of outcomes; the first that has a post counts."""


def found_ids(
    posts: SortedTable, products: Products, query: Query, after: int, count: int, seconds: float
) -> tuple[list[int], int | None, float]:
    """The next ids that a query finds, at most `count`; the id after which to go on, None at the end; and the share searched."""
    end, found = time.monotonic() + seconds, list[int]()
    groups = posts.groups()
    total = sum(group.rows for group in groups)
    for group in groups:
        if group.high <= after:
            continue
        new = [post for post in _in_group(posts, products, query, group) if post > after]
        found += new[: count - len(found)]
        if len(found) == count:
            return found, found[-1], (group.first + group.rows) / total
        if time.monotonic() > end and group is not groups[-1]:
            return found, group.high, (group.first + group.rows) / total
    return found, None, 1.0


def _in_group(posts: SortedTable, products: Products, query: Query, group: Group) -> list[int]:
    """The ids of a row group that a query finds; posts are read last, and only where there are candidates."""
    ids: Ids | None = None
    for condition in _conditions(products, query):
        found = np.array(condition(group.low, group.high), np.int64)
        ids = found if ids is None else np.intersect1d(ids, found)
        if not len(ids):
            return []
    if ids is None or query.tags or query.rating or query.shard is not None:
        parts = [_matching(frame, query)["id"].to_numpy() for frame in posts.group_rows(group, _columns(query))]
        matching = np.concatenate([np.empty(0, np.int64), *parts])
        ids = matching if ids is None else np.intersect1d(ids, matching)
    if query.shard is not None:
        if not products.settings.shards:
            return []
        ids = ids[shard_of(ids, products.settings.shards) == query.shard]
        ids = np.setdiff1d(ids, products.ids_between(BASE, group.low, group.high))
    if query.origin is Origin.NOTHING:
        for kind in _ORDER:
            ids = np.setdiff1d(ids, _in_files(products, kind, group.low, group.high))
    return [int(post) for post in ids.tolist()]


Condition = Callable[[int, int], Sequence[int]]
"""The ids from one to another, both included, for which a condition of a query may hold."""


def _conditions(products: Products, query: Query) -> Iterator[Condition]:
    """Those conditions of a query that other products than the posts can answer."""
    if query.flag:
        yield lambda low, high: flagged_between(products, query.flag, low, high)
    if query.reason:
        needle = b'"reason":"' + query.reason.lower().encode() + b'"'
        yield lambda low, high: [post for kind in WITHOUT for post in _in_files(products, kind, low, high, needle)]
    if query.origin in _KINDS:
        yield lambda low, high: _of_origin(products, query.origin, low, high)  # type: ignore[arg-type]
    if query.text:
        yield lambda low, high: products.ids_between(META_CAP, low, high, query.text)


def _of_origin(products: Products, origin: Origin, low: int, high: int) -> list[int]:
    """The ids whose captions have an origin, but for NOTHING: those in its files that are not in a file that counts more."""
    kind = _KINDS[origin]
    found = _in_files(products, kind, low, high, _MARKS.get(origin, b""))
    if not len(found):
        return []
    for other, mark in _MARKS.items():
        if _KINDS[other] == kind and other is not origin:
            found = np.setdiff1d(found, _in_files(products, kind, low, high, mark))
    for more in _ORDER[: _ORDER.index(kind)]:
        found = np.setdiff1d(found, _in_files(products, more, low, high))
    return [int(post) for post in found.tolist()]


def _in_files(products: Products, kind: str, low: int, high: int, needle: bytes = b"") -> Ids:
    names = [BASE] if kind == "base" else products.shard_files(kind)
    return np.array([post for name in names for post in products.ids_between(name, low, high, "", needle)], np.int64)


def flagged_between(products: Products, flag: str, low: int, high: int) -> list[int]:
    """The ids from `low` to `high`, both included, of posts with a flag."""
    table, found = SortedTable(products.path(FLAGS)), list[int]()
    for group in table.groups():
        if group.low <= high and group.high >= low:
            for frame in table.group_rows(group, ["id", "flag"]):
                found += frame.filter(pl.col("id").is_between(low, high) & (pl.col("flag") == flag))["id"].to_list()
    return found


def matching_rows(posts: SortedTable, ids: Ids, query: Query) -> Ids:
    """Those of the ids, ascending, whose posts have the rating and tags of a query."""
    parts = [np.empty(0, np.int64)]
    for group in posts.groups():
        if len(ids[(ids >= group.low) & (ids <= group.high)]):
            parts += [_matching(frame, query)["id"].to_numpy() for frame in posts.group_rows(group, _columns(query))]
    return np.intersect1d(ids, np.concatenate(parts))


def _columns(query: Query) -> list[str]:
    return ["id", *(["rating"] if query.rating else []), *(TAG_CATEGORIES if query.tags else ())]


def _matching(frame: pl.DataFrame, query: Query) -> pl.DataFrame:
    """The rows with the rating and all tags of a query."""
    if query.rating:
        frame = frame.filter(pl.col("rating") == query.rating)
    if query.tags:
        line = pl.concat_str(pl.lit(" "), pl.concat_str(TAG_CATEGORIES, separator=" ", ignore_nulls=True), pl.lit(" "))
        frame = frame.filter(pl.all_horizontal(line.str.contains(f" {tag} ", literal=True) for tag in query.tags))
    return frame
