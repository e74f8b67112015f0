"""changes.parquet: the posts that are new, gone, retagged or rerated; one row for each, by id.

Tags are compared as sets within their category, so that another order is no change, and a tag that moves to another category is.
"""

from collections.abc import Iterable

import polars as pl

from booruflow.core.streams import Stream, aligned
from booruflow.sources.posts import TAG_CATEGORIES

CHANGES = ("new", "gone", "retagged", "rerated")

CHANGES_SCHEMA = {
    "id": pl.Int64,
    **dict.fromkeys(CHANGES, pl.Boolean),
    "rating_before": pl.String,
    "rating": pl.String,
    "tags_came": pl.String,
    "tags_went": pl.String,
}
"""Columns of changes.parquet. A post can be both retagged and rerated. Tags are `category:name`, sorted, separated by one space;
only those of retagged posts are listed."""


def compare_posts(before: Iterable[pl.DataFrame], now: Iterable[pl.DataFrame]) -> Stream:
    """The rows of CHANGES_SCHEMA for two sorted streams with the columns `id`, `rating` and the tag categories."""
    for old, new in aligned([before, now]):
        if old.equals(new):
            continue
        is_new, is_gone = pl.col("_old").is_null(), pl.col("_new").is_null()
        both = (
            old.with_columns(_old=True)
            .join(new.with_columns(_new=True), on="id", how="full", coalesce=True, suffix="_now")
            .filter(is_new | is_gone | pl.any_horizontal(_differs(name) for name in ("rating", *TAG_CATEGORIES)))
            .sort("id")
        )
        stays = ~is_new & ~is_gone
        rows = both.select(
            "id",
            new=is_new,
            gone=is_gone,
            rerated=stays & _differs("rating"),
            rating_before="rating",
            rating="rating_now",
            tags_came=pl.when(stays).then(_tags_only_in("_now", "")).otherwise(pl.lit("")),
            tags_went=pl.when(stays).then(_tags_only_in("", "_now")).otherwise(pl.lit("")),
        )
        rows = rows.with_columns(retagged=(pl.col("tags_came") != "") | (pl.col("tags_went") != ""))
        yield rows.filter(pl.any_horizontal(CHANGES)).select(list(CHANGES_SCHEMA))


def _differs(name: str) -> pl.Expr:
    return pl.col(name).ne_missing(pl.col(f"{name}_now"))


def _tags_only_in(side: str, other: str) -> pl.Expr:
    """`category:name` of the tags of one side that the other side lacks, as one text; the suffixes are of the columns' names."""
    found = [
        pl.col(f"{category}{side}")
        .fill_null("")
        .str.split(" ")
        .list.set_difference(pl.col(f"{category}{other}").fill_null("").str.split(" "))
        .list.eval(pl.format(f"{category}:{{}}", pl.element().filter(pl.element() != "")))
        for category in TAG_CATEGORIES
    ]
    return pl.concat_list(found).list.sort().list.join(" ")
