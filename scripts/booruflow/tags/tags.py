"""tags.parquet: the tags of each post by part, as the tag policy has them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from booruflow.sources.posts import POSTS_SCHEMA, TAG_CATEGORIES
from booruflow.tags.categories import Batch, CategoryTags
from booruflow.tags.made import made_tags
from booruflow.tags.naming import Naming
from booruflow.tags.people import LAST, people_ranks
from booruflow.tags.rows import Tags, joined

PARTS = ("people", "artist", "character", "copyright", "general", "meta", "rating", "year", "quality", "size")

TAGS_SCHEMA = {"id": pl.Int64, **dict.fromkeys(PARTS, pl.String)}
"""Columns of tags.parquet: each part as it is written in captions, tags separated as in the tags JSON; null for none."""

NAMES_SCHEMA = {name: POSTS_SCHEMA[name] for name in ("id", "rating", "score", *TAG_CATEGORIES)}
"""Columns of tags/posts.parquet: the same tags by the booru's spelling, separated by spaces, for tokens; "" for none."""


class PolicyTags:
    """Applies a policy to batches of posts, in any order of the batches."""

    def __init__(self, policy: Mapping[str, Any], cutoffs: pl.DataFrame, with_names: bool) -> None:
        """`cutoffs` is the table of `booruflow.tags.quality.cutoffs`; `with_names` asks for tags/posts.parquet.

        Raises:
            UserError: the tables of aliases and implications cannot be read or contradict each other.
        """
        self._policy, self._cutoffs, self._with_names = policy, cutoffs, with_names
        self.naming = Naming.of(policy)
        self.categories = [
            CategoryTags(name, self.naming, policy["implied"], policy["drop_less_specific"] and name == "general")
            for name in TAG_CATEGORIES
        ]

    def apply(self, posts: pa.RecordBatch) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows of tags.parquet, and those of tags/posts.parquet (none unless asked for), of a batch of posts."""
        frame, rows = pl.DataFrame(posts), posts.num_rows
        separator = self._policy["separator"]
        texts: dict[str, pl.Series] = {"people": pl.Series([None] * rows, dtype=pl.String)}
        names: dict[str, pl.Series] = {}
        for category in self.categories:
            name = category.category
            batch = category.apply(posts.column(name))
            if self._with_names:
                names[name] = joined(batch.tags, rows, batch.names, " ").fill_null("")
            if name == "general" and "people" in self._policy["order"]:
                people, batch = split_people(batch)
                texts["people"] = joined(people.tags, rows, people.texts, separator)
            texts[name] = joined(batch.tags, rows, batch.texts, separator)
        made = made_tags(frame, self._policy, self._cutoffs)
        columns = [values.alias(name) for name, values in texts.items()]
        tags = frame.select("id").with_columns(*columns, *made).select(list(TAGS_SCHEMA))
        if not self._with_names:
            return tags, pl.DataFrame(schema=NAMES_SCHEMA)
        own = [values.alias(name) for name, values in names.items()]
        return tags, frame.select("id", "rating", "score").with_columns(own).select(list(NAMES_SCHEMA))


def split_people(batch: Batch) -> tuple[Batch, Batch]:
    """The counts of people, ordered, and all other tags."""
    ranks = people_ranks(batch.names)[batch.tags.name]
    is_count = ranks < LAST
    counts = batch.tags.where(is_count)
    order = np.lexsort((ranks[is_count], counts.row))
    return batch._replace(tags=Tags(counts.row[order], counts.name[order])), batch._replace(tags=batch.tags.where(~is_count))


def tags_line(order: Sequence[str], separator: str, divider: str | None) -> pl.Expr:
    """The parts in `order` as one line; null for a post without any.

    The divider replaces the separator behind the parts before it, of which there must be one; after the last part it stays, since
    a trainer takes all before it as fixed.
    """
    at = order.index("divider") if "divider" in order else len(order)
    first, last = _joined(order[:at], separator), _joined(order[at + 1 :], separator)
    if at == len(order):
        return first
    divided = pl.concat_str(first, pl.lit(f" {divider}"), pl.concat_str(pl.lit(" "), last).fill_null(""))
    return pl.coalesce(divided, last)


def _joined(parts: Sequence[str], separator: str) -> pl.Expr:
    if not parts:
        return pl.lit(None, pl.String)
    line = pl.concat_str(parts, separator=separator, ignore_nulls=True)
    return pl.when(line != "").then(line)
