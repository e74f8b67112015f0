"""The repair queue: bad outputs, good ones whose flags the config sends there, and posts that people marked."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.captioning.shards import shard_of
from booruflow.core.idjson import read_entries
from booruflow.review.dataset import Dataset
from booruflow.review.model import Query
from booruflow.review.reading.posts_table import SortedTable
from booruflow.review.reading.products import END
from booruflow.review.reading.search import FLAGS, META_CAP, matching_rows
from booruflow.review.saving.store import signature_of

Ids = NDArray[np.int64]
FEW = 500
"""So many captions are read one by one; of more, the whole file is searched."""


@dataclass(frozen=True)
class QueueFilter:
    """Conditions on the queue, of which all must hold; `done` None for both what is done and what is left."""

    reason: str = ""
    flag: str = ""
    shard: int | None = None
    rating: str = ""
    tag: str = ""
    text: str = ""
    """In the bad output, or in the caption of a good one; ASCII letters in any case."""
    done: bool | None = False


@dataclass(frozen=True)
class QueueItem:
    """A post of the queue. `reason` is "" for a good output; `edit` is the action that is saved for it."""

    id: int
    reason: str
    flags: tuple[str, ...]
    marked: bool
    shard: int | None
    rating: str | None
    done: bool
    edit: str


@dataclass(frozen=True)
class QueuePage:
    """A part of the queue, and how many there are that match the filter."""

    items: list[QueueItem]
    total: int


@dataclass(frozen=True)
class Counts:
    """How many posts are left and done; of those left, by reason, flag and shard."""

    left: int
    done: int
    reasons: dict[str, int]
    flags: dict[str, int]
    shards: dict[int, int]


class Queue:
    """The repair queue of a data set: some bytes a post are kept in memory, read again where a product has changed."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset, self._products = dataset, dataset.products
        self._sorted: tuple[object, Ids] = ((), np.empty(0, np.int64))
        self._bad: dict[str, dict[int, str]] = {}
        self._read: tuple[dict[str, tuple[int, int, int] | None], dict[int, str]] = ({}, {})
        self._flags: tuple[object, dict[int, tuple[str, ...]]] = ((), {})
        self._last_search: tuple[object, Ids] = ((), np.empty(0, np.int64))

    def counts(self) -> Counts:
        """How many are left and done."""
        reasons, flags = self._reasons(), self._flagged()
        everything = self._all(reasons, flags)
        actions = self._dataset.actions()
        left = [post for post in everything.tolist() if post not in actions]
        shards = Counter(self._shards(left).values())
        return Counts(
            left=len(left),
            done=len(everything) - len(left),
            reasons=dict(Counter(reasons[post] for post in left if post in reasons).most_common()),
            flags=dict(Counter(flag for post in left for flag in flags.get(post, ())).most_common()),
            shards=dict(sorted(shards.items())),
        )

    def page(self, filter: QueueFilter, first: int = 0, count: int = 50) -> QueuePage:
        """A part of the posts that match a filter, ascending by id, from a place on."""
        ids = self._matching(filter)
        return QueuePage(self._items(ids[first : first + count].tolist()), len(ids))

    def step(self, filter: QueueFilter, post: int, step: int = 1) -> QueueItem | None:
        """The next post after an id (`step` 1), or the one before it (-1), that matches a filter."""
        ids = self._matching(filter)
        place = int(np.searchsorted(ids, post, "right" if step > 0 else "left")) - (step < 0)
        return self._items([int(ids[place])])[0] if 0 <= place < len(ids) else None

    def _items(self, ids: list[int]) -> list[QueueItem]:
        reasons, flags = self._reasons(), self._flagged()
        actions, marked, shards = self._dataset.actions(), set(self._dataset.marked()), self._shards(ids)
        rows = self._dataset.posts.rows_of(ids, ["id", "rating"])
        ratings = dict(rows.iter_rows()) if len(rows) else {}
        return [
            QueueItem(
                id=post,
                reason=reasons.get(post, ""),
                flags=flags.get(post, ()),
                marked=post in marked,
                shard=shards.get(post),
                rating=ratings.get(post),
                done=post in actions,
                edit=actions.get(post, ""),
            )
            for post in ids
        ]

    def _matching(self, wanted: QueueFilter) -> Ids:
        """The ids that match a filter, ascending."""
        reasons, flags = self._reasons(), self._flagged()
        ids = self._all(reasons, flags)
        if wanted.reason:
            ids = _kept(ids, [post for post, reason in reasons.items() if reason == wanted.reason])
        if wanted.flag:
            ids = _kept(ids, [post for post, names in flags.items() if wanted.flag in names])
        if wanted.shard is not None:
            ids = _kept(ids, [post for post, shard in self._shards(ids.tolist()).items() if shard == wanted.shard])
        if wanted.rating or wanted.tag or wanted.text:
            key = replace(wanted, done=None), len(ids), hash(ids.tobytes())
            if self._last_search[0] != key:
                self._last_search = (key, self._searched(ids, wanted))
            ids = self._last_search[1]
        if wanted.done is not None:
            actions = np.array(sorted(self._dataset.actions()), np.int64)
            ids = ids[np.isin(ids, actions, assume_unique=True) == wanted.done]
        return ids

    def _searched(self, ids: Ids, wanted: QueueFilter) -> Ids:
        """Those of the ids that have the rating, tag and text of a filter."""
        if wanted.rating or wanted.tag:
            ids = matching_rows(self._dataset.posts, ids, Query(tags=(wanted.tag,) if wanted.tag else (), rating=wanted.rating))
        if wanted.text:
            names = self._products.shard_files("bad")
            found = [post for name in names for post in self._products.ids_between(name, 0, END, wanted.text)]
            good = np.setdiff1d(ids, np.fromiter(self._reasons(), np.int64))
            if len(good) <= FEW:
                text = wanted.text.lower()
                entries = self._products.entries(META_CAP, good.tolist())
                found += [post for post, entry in entries.items() if text in str(entry.get("caption", "")).lower()]
            else:
                found += self._products.ids_between(META_CAP, int(good[0]), int(good[-1]), wanted.text)
            ids = _kept(ids, found)
        return ids

    def _all(self, reasons: Collection[int], flags: Collection[int]) -> Ids:
        marked = self._dataset.marked()
        if self._sorted[0] is not reasons:
            self._sorted = (reasons, np.unique(np.fromiter(reasons, np.int64)))
        if not (flags or marked):
            return self._sorted[1]
        return np.unique(np.concatenate([self._sorted[1], np.fromiter(flags, np.int64), np.array(marked, np.int64)]))

    def _shards(self, ids: list[int]) -> dict[int, int]:
        """The shard of each bad output among the ids."""
        count, reasons = self._dataset.settings.shards, self._reasons()
        bad = [post for post in ids if post in reasons]
        return dict(zip(bad, shard_of(np.array(bad, np.int64), count).tolist(), strict=True)) if count else {}

    def _reasons(self) -> dict[int, str]:
        """The reason of each bad output."""
        paths = {name: self._products.path(name) for name in self._products.shard_files("bad")}
        signatures = {name: signature_of(path) for name, path in paths.items()}
        if signatures != self._read[0]:
            for name, path in paths.items():
                if self._read[0].get(name, ()) != signatures[name]:
                    self._bad[name] = self._products.tried(name, partial(_read_bad, path)) or {}
            self._read = (signatures, {post: reason for name in paths for post, reason in self._bad[name].items()})
        return self._read[1]

    def _flagged(self) -> dict[int, tuple[str, ...]]:
        """The flags that the config sends to the queue, of each post that has any."""
        chosen = self._dataset.settings.config.get("quality", {}).get("queue", [])
        path = self._products.path(FLAGS)
        signature = signature_of(path) if chosen else ()
        if self._flags[0] != signature:
            found: dict[int, tuple[str, ...]] = {}
            table = SortedTable(path)
            for group in table.groups():
                for frame in table.group_rows(group, ["id", "flag"]):
                    for post, flag in frame.filter(pl.col("flag").is_in(chosen)).iter_rows():
                        found[post] = (*found.get(post, ()), flag)
            self._flags = (signature, found)
        return self._flags[1]


def _kept(ids: Ids, found: Collection[int]) -> Ids:
    return ids[np.isin(ids, np.fromiter(found, np.int64))]


def _read_bad(path: Path) -> dict[int, str]:
    """The reasons in a bad_{n}.json, by id; they are the last members of entries, as the rule `parse` writes them."""
    reason = pl.col("value").str.extract(r'"reason":"([^"]*)"\}$').fill_null("")
    return {post: text for frame in read_entries(path) for post, text in frame.select("id", reason).iter_rows()}
