"""Subsets: the posts that match a filter, for example those of one character."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from booruflow.sources.posts import TAG_CATEGORIES


def matches(rule: Mapping[str, Any]) -> pl.Expr:
    """Whether a post matches every part of a rule.

    Parts: `all`, `any`, `none` (lists of tags of any category, as the booru spells them), `ratings` (list of letters),
    `min_score`. A part that is absent or empty lets every post through.
    """
    tags = pl.concat_str(pl.lit(" "), pl.concat_str(TAG_CATEGORIES, separator=" "), pl.lit(" "))

    def has(tag: str) -> pl.Expr:
        return tags.str.contains(f" {tag} ", literal=True)

    parts = [pl.lit(True), *map(has, rule.get("all", ()))]
    parts += [~has(tag) for tag in rule.get("none", ())]
    if rule.get("any"):
        parts.append(pl.any_horizontal([has(tag) for tag in rule["any"]]))
    if rule.get("ratings"):
        parts.append(pl.col("rating").is_in(rule["ratings"]))
    if rule.get("min_score") is not None:
        parts.append(pl.col("score") >= rule["min_score"])
    return pl.all_horizontal(parts).fill_null(False)
