"""Tags made from the other columns of a post: its rating, year, quality, orientation and size."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from booruflow.tags.quality import GROUP, quality_word

SQUARE = 1.1
"""Up to this ratio of its sides an image is square."""


def ladder(value: pl.Expr, words: Mapping[str, int]) -> pl.Expr:
    """The word with the highest number that a value reaches; null if it reaches none, and for an empty word."""
    found: pl.Expr = pl.lit(None, pl.String)
    for word, least in sorted(words.items(), key=lambda item: item[1]):
        text = pl.lit(word) if word.strip() else pl.lit(None, pl.String)
        found = pl.when(value >= least).then(text).otherwise(found)
    return found


def made_tags(posts: pl.DataFrame, policy: Mapping[str, Any], table: pl.DataFrame) -> list[pl.Series]:
    """The parts `rating`, `year`, `quality` and `size` of posts, null where there is none; `table` is that of `cutoffs`."""
    separator = policy["separator"]

    def several(*texts: pl.Expr) -> pl.Expr:
        text = pl.concat_str(texts, separator=separator, ignore_nulls=True)
        return pl.when(text != "").then(text)

    rating = pl.col("rating").replace_strict(policy["rating"], default=None, return_dtype=pl.String)
    year: pl.Expr = pl.lit(None, pl.String)
    if policy["year"] or policy["eras"]:
        number = pl.col("created_at").dt.year()
        before, after = (policy["year"] or "{}").split("{}", 1)
        text = pl.concat_str(pl.lit(before), number.cast(pl.String), pl.lit(after)) if policy["year"] else pl.lit(None, pl.String)
        year = several(ladder(number, policy["eras"]), text)
    size: pl.Expr = pl.lit(None, pl.String)
    if policy["orientation"] or policy["sizes"]:
        width, height = (pl.col(f"image_{side}").cast(pl.Int64) for side in ("width", "height"))
        is_known = (width > 0) & (height > 0)
        shape = pl.when(is_known).then(
            pl.when(width > height * SQUARE)
            .then(pl.lit("landscape"))
            .when(height > width * SQUARE)
            .then(pl.lit("portrait"))
            .otherwise(pl.lit("square"))
        )
        orientation = shape.replace_strict(policy["orientation"], default=None, return_dtype=pl.String)
        size = several(orientation, ladder(pl.when(is_known).then(width * height), policy["sizes"]))
    quality = pl.Series("quality", [None] * len(posts), pl.String)
    if policy["quality"]["words"]:
        dated = pl.col("created_at").dt.year() if "created_at" in posts.columns else pl.lit(None, pl.Int32)
        placed = posts.select("rating", year=dated, value=policy["quality"]["by"])
        placed = placed.join(table, on=GROUP, how="left", maintain_order="left", nulls_equal=True)
        quality = placed.select(quality=quality_word(policy["quality"]["words"])).to_series()
    return [*posts.select(rating=rating, year=year, size=size).get_columns(), quality]
