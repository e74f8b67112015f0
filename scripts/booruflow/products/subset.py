"""Subsets: conditions on single posts, by their tags, rating, score, favourites, time and size."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

import polars as pl

from booruflow.core.streams import Stream, aligned
from booruflow.sources.posts import TAG_CATEGORIES
from booruflow.tags.patterns import literals, split_category

COLUMNS = {
    "ratings": ["rating"],
    "min_score": ["score"],
    "min_fav_count": ["fav_count"],
    "from_date": ["created_at"],
    "before_date": ["created_at"],
    "min_side": ["image_width", "image_height"],
    "min_pixels": ["image_width", "image_height"],
    "min_aspect": ["image_width", "image_height"],
    "max_aspect": ["image_width", "image_height"],
    **{key: [*TAG_CATEGORIES] for key in ("all", "any", "none", "min_tags", "max_tags")},
}
"""The columns of posts that each condition reads."""

SIZE_CONDITIONS = ("min_side", "min_pixels", "min_aspect", "max_aspect")
"""Conditions on the size of the image, which is that of the file where it is known."""


def conditions(post_filter: Mapping[str, Any]) -> dict[str, pl.Expr]:
    """The conditions of a filter by their keys; a post must meet all. What is not known of a post meets no condition.

    Keys: `all`, `any`, `none` (lists of tags as the booru spells them; `*` stands for any text; `artist:ink` is a tag of one
    category), `ratings` (list of letters), `min_score`, `min_fav_count`, `from_date` and `before_date` (ISO dates in UTC),
    `min_side` (the shorter side) and `min_pixels` (area) of the image, `min_aspect` and `max_aspect` (width by height),
    `min_tags` and `max_tags` (of all categories). An empty list is met by every post; other keys are not looked at.
    """
    found = {f"all: {tag}": has_tag(tag) for tag in post_filter.get("all", ())}
    if post_filter.get("any"):
        found["any"] = pl.any_horizontal([has_tag(tag) for tag in post_filter["any"]])
    found |= {f"none: {tag}": ~has_tag(tag) for tag in post_filter.get("none", ())}
    if post_filter.get("ratings"):
        found["ratings"] = pl.col("rating").is_in(post_filter["ratings"])
    width, height = pl.col("image_width"), pl.col("image_height")
    count = pl.concat_str(TAG_CATEGORIES, separator=" ").str.count_matches("[^ ]+")
    bounds: dict[str, Callable[[Any], pl.Expr]] = {
        "min_score": lambda least: pl.col("score") >= least,
        "min_fav_count": lambda least: pl.col("fav_count") >= least,
        "from_date": lambda day: pl.col("created_at") >= _midnight(day),
        "before_date": lambda day: pl.col("created_at") < _midnight(day),
        "min_side": lambda least: pl.min_horizontal(width, height) >= least,
        "min_pixels": lambda least: width.cast(pl.Int64) * height >= least,
        "min_aspect": lambda least: width / height >= least,
        "max_aspect": lambda most: width / height <= most,
        "min_tags": lambda least: count >= least,
        "max_tags": lambda most: count <= most,
    }
    found |= {key: bound(post_filter[key]) for key, bound in bounds.items() if post_filter.get(key) is not None}
    return {key: condition.fill_null(False) for key, condition in found.items()}


def with_sizes(posts: Iterable[pl.DataFrame], resolutions: Iterable[pl.DataFrame]) -> Stream:
    """Replace the sizes of the metadata by those in resolutions.parquet, of the files, where they are there."""
    for rows, sizes in aligned([posts, resolutions]):
        rows = rows.join(sizes, on="id", how="left", maintain_order="left", suffix="_file")
        sides = (pl.coalesce(f"{side}_file", side).alias(side) for side in ("image_width", "image_height"))
        yield rows.with_columns(*sides).drop("image_width_file", "image_height_file")


def columns_of(post_filter: Mapping[str, Any]) -> list[str]:
    """The columns of posts that the conditions of a filter read, with the id."""
    return list(dict.fromkeys(["id", *(name for key in post_filter for name in COLUMNS.get(key, []))]))


def absent_columns(known: Collection[str], post_filter: Mapping[str, Any], subset: str) -> Iterator[str]:
    """One line for each column that a filter reads and that is not among those `known`."""
    for key in post_filter:
        for column in [*COLUMNS.get(key, []), *(post_filter[key] if key == "duplicates" else [])]:
            if column not in known:
                yield (
                    f"config.yaml: subsets.{subset}.{key}: the metadata have no column {column}: name it under inputs.columns,"
                    " or remove the condition"
                )


def has_tag(tag: str) -> pl.Expr:
    """Whether a post has a tag: a name or pattern as in `booruflow.tags.patterns`."""
    categories, pattern = split_category(tag)
    tags = pl.concat_str(pl.lit(" "), pl.concat_str(categories, separator=" "), pl.lit(" "))
    texts = literals(pattern)
    if len(texts) == 1:
        return tags.str.contains(f" {texts[0]} ", literal=True)
    expression = "[^ ]*".join(map(re.escape, texts)) if any(texts) else "[^ ]+"
    return tags.str.contains(f" {expression} ")


def named_tags(post_filter: Mapping[str, Any]) -> set[str]:
    """The tags and patterns that a filter names, as for `has_tag`."""
    limited = (key for key in post_filter.get("at_most", ()) if key not in TAG_CATEGORIES)
    return {tag for key in ("all", "any", "none") for tag in post_filter.get(key, ())} | set(limited)


def without_found(posts: Iterable[pl.DataFrame], tags: set[str]) -> Stream:
    """Pass posts on; from `tags` those go that a post has, so that in the end those are left that are misspelt."""
    for frame in posts:
        left = list(tags)
        found = frame.select(has_tag(tag).any().alias(str(number)) for number, tag in enumerate(left))
        tags.difference_update(tag for tag, has in zip(left, found.row(0) if left else (), strict=True) if has)
        yield frame


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time())
