"""Subsets: the posts that match a filter, for example those of one character."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from booruflow.sources.posts import TAG_CATEGORIES


def matches(post_filter: Mapping[str, Any]) -> pl.Expr:
    """Whether a post meets all conditions of a filter.

    Conditions: `all`, `any`, `none` (lists of tags of any category, as the booru spells them), `ratings` (list of letters),
    `min_score`. A condition that is absent or empty is met by every post.
    """
    tags = pl.concat_str(pl.lit(" "), pl.concat_str(TAG_CATEGORIES, separator=" "), pl.lit(" "))

    def has(tag: str) -> pl.Expr:
        return tags.str.contains(f" {tag} ", literal=True)

    conditions = [pl.lit(True), *map(has, post_filter.get("all", ()))]
    conditions += [~has(tag) for tag in post_filter.get("none", ())]
    if post_filter.get("any"):
        conditions.append(pl.any_horizontal([has(tag) for tag in post_filter["any"]]))
    if post_filter.get("ratings"):
        conditions.append(pl.col("rating").is_in(post_filter["ratings"]))
    if post_filter.get("min_score") is not None:
        conditions.append(pl.col("score") >= post_filter["min_score"])
    return pl.all_horizontal(conditions).fill_null(False)
