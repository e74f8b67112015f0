"""Words for the quality of a post, by its place among the posts with the same rating and year.

The percentile of a value in a group is the share of posts below it plus half of those with the same value, so that equal posts
get equal words and a group of equal posts is in the middle. A post gets the word with the highest percentile that its own is
above. Where a rating has fewer than `min_posts` posts in a year (posts with a value), all years of the rating count; where it has
fewer then, or the rating is unknown, all posts count. A post without a value gets no word.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from booruflow.core.files import open_whole
from booruflow.core.streams import Stream

GROUP = ("rating", "year")

SUMMED_ROWS = 1 << 19
"""Posts that are counted at a time: grouping costs little more for many rows than for few."""


def cutoffs(posts: Iterable[pl.DataFrame], words: Mapping[str, float], min_posts: int) -> pl.DataFrame:
    """The least value of each word in each group that has posts.

    Args:
        posts: frames of `rating`, `year` and `value`.
        words: each with the percentile above which it is given.
        min_posts: see above.

    Returns:
        `rating`, `year`, `posts` (with a value), `among` (which posts are ranked: year, rating or all), then a column for each
        word, from the highest percentile down: null where no value is high enough. Sorted by rating and year, nulls last.
    """
    counts = _counts(posts)
    sizes = counts.group_by(GROUP).agg(pl.col("posts").sum())
    of_rating = counts.group_by("rating").agg(rating_posts=pl.col("posts").sum())
    among = (
        pl.when(pl.col("year").is_not_null() & pl.col("rating").is_not_null() & (pl.col("posts") >= min_posts))
        .then(pl.lit("year"))
        .when(pl.col("rating").is_not_null() & (pl.col("rating_posts") >= min_posts))
        .then(pl.lit("rating"))
        .otherwise(pl.lit("all"))
    )
    sizes = sizes.join(of_rating, on="rating", nulls_equal=True).with_columns(among=among).sort(GROUP, nulls_last=True)
    ranked = dict(sorted(words.items(), key=lambda item: -item[1]))
    found: dict[tuple[object, ...], list[int | None]] = {}
    for rating, year, _, _, kind in sizes.iter_rows():
        chosen = {"year": (rating, year), "rating": (rating,), "all": ()}[kind]
        if chosen not in found:
            conditions = [pl.col(name).eq_missing(value) for name, value in zip(GROUP, chosen, strict=False)]
            found[rating, year] = found[chosen] = _least_values(counts.filter(*conditions), list(ranked.values()))
        found[rating, year] = found[chosen]
    rows = [found[rating, year] for rating, year in sizes.select(GROUP).iter_rows()]
    table = pl.DataFrame(rows, schema=dict.fromkeys(ranked, pl.Int64), orient="row")
    return pl.concat([sizes.select(*GROUP, "posts", "among"), table], how="horizontal")


def _counts(posts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """How many posts have each value, by group. Memory grows with the number of different values only."""
    keys = [*GROUP, "value"]
    total = pl.DataFrame(schema={"rating": pl.String, "year": pl.Int32, "value": pl.Int64, "posts": pl.Int64})
    pending: list[pl.DataFrame] = []

    def summed() -> pl.DataFrame:
        new = pl.concat(pending).cast({"year": pl.Int32, "value": pl.Int64}).filter(pl.col("value").is_not_null())
        return pl.concat([total, new.with_columns(posts=pl.lit(1, pl.Int64))]).group_by(keys).agg(pl.col("posts").sum())

    for frame in posts:
        pending.append(frame)
        if sum(map(len, pending)) >= SUMMED_ROWS:
            total, pending = summed(), []
    return summed() if pending else total


def _least_values(counts: pl.DataFrame, percentiles: list[float]) -> list[int | None]:
    by_value = counts.group_by("value").agg(pl.col("posts").sum()).sort("value")
    values, posts = by_value["value"].to_numpy(), by_value["posts"].to_numpy()
    twice_below = 2 * np.cumsum(posts) - posts  # twice: posts below and half of the equal ones, as an integer
    places = [int(np.argmax(twice_below * 100 > percentile * 2 * posts.sum())) for percentile in percentiles]
    reached = [
        bool(twice_below[place] * 100 > percentile * 2 * posts.sum())
        for place, percentile in zip(places, percentiles, strict=True)
    ]
    return [int(values[place]) if is_reached else None for place, is_reached in zip(places, reached, strict=True)]


def quality_word(words: Mapping[str, float]) -> pl.Expr:
    """The word of a post with the columns `value` and, of its group, one for each word; null for none."""
    found: pl.Expr = pl.lit(None, pl.String)
    for word in sorted(words, key=lambda word: words[word]):
        text = pl.lit(word) if word.strip() else pl.lit(None, pl.String)
        found = pl.when(pl.col("value") >= pl.col(word)).then(text).otherwise(found)
    return found


def write_cutoffs(path: str | Path, table: pl.DataFrame) -> None:
    """Write the table of `cutoffs` as tab-separated values; an empty field is null."""
    with open_whole(path) as file:
        file.write(table.write_csv(separator="\t").encode())


def years(posts: Iterable[pl.DataFrame], column: str) -> Stream:
    """Frames for `cutoffs` from posts with `rating`, perhaps `created_at`, and the column that orders them."""
    for frame in posts:
        year = pl.col("created_at").dt.year() if "created_at" in frame.columns else pl.lit(None, pl.Int32)
        yield frame.select("rating", year=year, value=column)
