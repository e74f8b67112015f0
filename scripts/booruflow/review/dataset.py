"""A data set opened for reading: its posts by place and by id, each with its texts and where they are from."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from booruflow.captioning.parsing.outcome import Reason
from booruflow.captioning.shards import shard_of
from booruflow.captioning.skipped import NO_METADATA
from booruflow.core.files import read_json
from booruflow.review.edits import FILE, MARKS, Edits
from booruflow.review.live_parser import Parsed, parsed_caption, parsed_text
from booruflow.review.model import SUMMARY_CHARACTERS, Choices, Found, Origin, Outcome, Post, Query, Summary, Text
from booruflow.review.reading.export_texts import export_texts
from booruflow.review.reading.images import Images
from booruflow.review.reading.outcomes import all_outcomes, outcomes_of
from booruflow.review.reading.posts_table import SortedTable
from booruflow.review.reading.products import Products
from booruflow.review.reading.records import record_of
from booruflow.review.reading.search import FLAGS, META_CAP, found_ids
from booruflow.review.reading.settings import read_settings
from booruflow.sources.images.reasons import NO_IMAGE, UNREADABLE
from booruflow.sources.posts import TAG_CATEGORIES

POSTS = "results/posts/posts.parquet"
META_LAT, UNREADABLE_IMAGES = "results/meta_lat.json", "results/images/unreadable.json"
FLAG_COUNTS = "results/quality/counts.json"
SUMMARY_COLUMNS = ("id", "rating", "image_width", "image_height")
SHOWN_APART = {"id", "rating", "score", "image_width", "image_height", "has_metadata", *TAG_CATEGORIES}
MAX_FLAGS = 64
"""Flags of one post that are read."""


class Dataset:
    """The data set in a folder. Safe for use in several threads; what is missing or damaged is in `missing()`, never raised."""

    def __init__(self, folder: Path) -> None:
        """Open it.

        Raises:
            UserError: the folder has no config.yaml, or one that breaks the schema.
        """
        self.settings = read_settings(folder)
        self.folder = self.settings.folder
        self.products = Products(self.settings)
        self.posts = SortedTable(self.products.path(POSTS))
        self.images = Images(self.products)
        self.edits = Edits(self.folder, self.bad_texts, lambda post, action, text: self._made_of(post, action, text).reason)

    def missing(self) -> list[str]:
        """One line for each product that is not there, or damaged."""
        return [*self.products.missing(), *filter(None, [self.posts.problem])]

    def count(self) -> int:
        """The number of posts."""
        return self.posts.count()

    def place(self, post: int) -> int:
        """The place of the first post whose id is `post` or greater; the number of posts if there is none."""
        return self.posts.place(post)

    def neighbour(self, post: int, step: int) -> int | None:
        """The next post (`step` 1) or the one before (-1) of an id, which need not be in the data set."""
        place = self.place(post + 1) if step > 0 else self.place(post) - 1
        rows = self.posts.rows(["id"], place, 1) if place >= 0 else pl.DataFrame()
        return int(rows["id"][0]) if len(rows) else None

    def page(self, first: int, count: int = 50) -> list[Summary]:
        """The posts from a place on, ascending by id."""
        return self.summaries(self.posts.rows(SUMMARY_COLUMNS, first, count))

    def summaries(self, rows: pl.DataFrame) -> list[Summary]:
        """The summaries of posts, from their SUMMARY_COLUMNS."""
        if rows.is_empty():
            return []
        ids = rows["id"].to_list()
        outcomes, merged, pending = outcomes_of(self.products, ids), self.products.entries(META_CAP, ids), self._pending(ids)
        return [
            Summary(
                id=post,
                rating=rating,
                caption=str(merged.get(post, {}).get("caption", outcomes[post].caption))[:SUMMARY_CHARACTERS],
                origin=outcomes[post].origin,
                reason=outcomes[post].reason,
                width=width,
                height=height,
                pending=post in pending,
            )
            for post, rating, width, height in rows.select(SUMMARY_COLUMNS).iter_rows()
        ]

    def post(self, post: int) -> Post | None:
        """All of a post; None if it is not in the data set."""
        row = self.posts.row(post)
        if row is None:
            return None
        found = [outcomes.get(post) for outcomes in all_outcomes(self.products, [post])]
        outcome = next(filter(None, found), Outcome(Origin.NOTHING))
        without = next((each for each in found if each and each.reason), outcome)
        shard = self._shard(post) if not any(each and each.origin is Origin.BASE for each in found) else None
        record = None if shard is None else record_of(self.products, post, shard)
        unreadable = self.products.entries(UNREADABLE_IMAGES, [post]) if self.products.path(UNREADABLE_IMAGES).exists() else {}
        return Post(
            id=post,
            rating=row.get("rating"),
            score=row.get("score"),
            width=row.get("image_width"),
            height=row.get("image_height"),
            details={name: str(value) for name, value in row.items() if name not in SHOWN_APART and value not in (None, "")},
            tags={category: tuple((row.get(category) or "").split()) for category in TAG_CATEGORIES},
            texts=self._texts(post),
            caption=str(self.products.entries(META_CAP, [post]).get(post, {}).get("caption", outcome.caption)),
            origin=outcome.origin,
            origin_file=outcome.file,
            shard=shard,
            reason=without.reason,
            detail=without.detail,
            raw=record.text if record else self.bad_texts([post]).get(post),
            finish_reason=record.finish_reason if record else "",
            sources={str(each.origin): each.caption for each in found if each and each.caption},
            record=record,
            flags=self._flags(post),
            image=self.images.name(post),
            image_problem=str(unreadable[post].get("detail", "")) if post in unreadable else "",
        )

    def actions(self) -> dict[int, str]:
        """The action of each post that has an edit; none, and a line in `missing()`, while the page's own file is damaged."""
        return self.products.tried(FILE, self.edits.actions) or {}

    def marked(self) -> list[int]:
        """The posts that people marked for the queue; see `actions`."""
        return self.products.tried(MARKS, self.edits.marked) or []

    def parse_text(self, post: int, text: str, finish_reason: str = "stop") -> Parsed:
        """What the workflow makes of an output of a post; of an edited one, which is never cut, `finish_reason` is 'stop'."""
        row = self.posts.row(post) or {}
        return parsed_text(text, finish_reason, (row.get("artist") or "").split(), self.settings.parser)

    def parse_caption(self, caption: str) -> Parsed:
        """What the workflow makes of a typed caption."""
        return parsed_caption(caption, self.settings.parser)

    def search(self, query: Query, after: int = -1, count: int = 50, seconds: float = 1.0) -> Found:
        """The next `count` posts that a query finds whose ids are greater than `after`, as far as `seconds` suffice."""
        ids, going_on, share = found_ids(self.posts, self.products, query, after, count, seconds)
        rows = self.posts.rows_of(ids, SUMMARY_COLUMNS)
        return Found(self.summaries(rows), going_on, share)

    def choices(self) -> Choices:
        """What `search` can be asked for; no flags while there are no counts of them."""

        def read() -> dict[str, int]:
            return {str(flag): sum(found.values()) for flag, found in read_json(self.products.path(FLAG_COUNTS))["flags"].items()}

        flags = self.products.tried(FLAG_COUNTS, read) or {}
        by_count = dict(sorted(flags.items(), key=lambda entry: (-entry[1], entry[0])))
        return Choices(by_count, [*map(str, Reason), NO_IMAGE, UNREADABLE, NO_METADATA], self.settings.shards)

    def bad_texts(self, ids: Collection[int]) -> Mapping[int, str]:
        """The bad outputs of those ids that have one."""
        return {post: str(entry.get("text", "")) for post, (_, entry) in self.products.shard_entries("bad", ids).items()}

    def _texts(self, post: int) -> list[Text]:
        line = self.products.meta_lat(post) or {}
        texts = [Text(name, str(line[name]), META_LAT) for name in ("caption", "tags") if name in line]
        for view in self.settings.views:
            name = f"results/meta_cap_{view}.json"
            for entry in self.products.entries(name, [post]).values():
                texts.append(Text(f"caption ({view})", str(entry.get("caption", "")), name))
        if line:
            texts += self.products.tried("results/exports", lambda: list(export_texts(self.products, post))) or []
        return texts

    def _shard(self, post: int) -> int | None:
        shards = self.settings.shards
        return int(shard_of(np.array([post], np.int64), shards)[0]) if shards else None

    def _flags(self, post: int) -> list[tuple[str, str]]:
        table = SortedTable(self.products.path(FLAGS))
        rows = table.rows(["id", "flag", "detail"], table.place(post), MAX_FLAGS)
        return [(flag, detail or "") for id_, flag, detail in rows.iter_rows() if id_ == post] if len(rows) else []

    def _pending(self, ids: Sequence[int]) -> set[int]:
        """Those of the ids whose edit is not what the workflow has made of edits."""
        actions = self.actions()
        edited = [post for post in ids if post in actions]
        fixed = self.products.shard_entries("fixed", ids)
        pending = {post for post in ids if post in fixed and actions.get(post, "left") == "left"}
        for post in edited:
            if actions[post] == "left":
                continue
            edit = self.edits.get(post)
            if post not in fixed or fixed[post][1].get("caption") != self._made_of(post, edit.action, edit.text).caption:
                pending.add(post)
        return pending

    def _made_of(self, post: int, action: str, text: str) -> Parsed:
        """What the rule `fixed` makes of an edit."""
        if action == "tags only":
            return Parsed("")
        return self.parse_caption(text) if action == "caption" else self.parse_text(post, text)
