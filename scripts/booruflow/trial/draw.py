"""Which images a trial captions: a seeded draw, spread over ratings, image sizes and numbers of tags.

Posts are divided into strata: by rating, by thirds of the image's area, and by thirds of the number of general tags. From each
stratum images are taken in proportion to its size, in the order of a hash of the id, so the drawn images stand for all. A
larger trial keeps the images of a smaller one, and new posts change few of them.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl

from booruflow.captioning.shards import SHARD_SCHEMA
from booruflow.core.streams import Stream, aligned
from booruflow.products.draws import uniform

DETAILS = ["id", "rating", "image_width", "image_height"]
"""Columns of posts.parquet for `with_details`; `candidates_of` needs `general` as well."""
TRIAL_SCHEMA = {**SHARD_SCHEMA, "rating": pl.String, "image_width": pl.Int32, "image_height": pl.Int32}
"""Of trial/posts.parquet: the rows of a shard, with what the page shows of each post; null where the metadata do not tell."""

RATINGS = ("g", "s", "q", "e")


def candidates_of(posts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The posts that may be drawn, as one frame of 17 bytes a post: id, rating, pixels, tags.

    `rating` is its place in `RATINGS`, with 4 for none, `pixels` the area of the image by the metadata (null where they do not
    tell), `tags` the number of general tags.
    """
    rating = pl.col("rating").replace_strict({letter: number for number, letter in enumerate(RATINGS)}, default=len(RATINGS))
    frames = [
        frame.select(
            "id",
            rating=rating.cast(pl.UInt8),
            pixels=pl.col("image_width").cast(pl.UInt32) * pl.col("image_height").cast(pl.UInt32),
            tags=pl.when(pl.col("general") != "").then(pl.col("general").str.count_matches(" ", literal=True) + 1).otherwise(0),
        )
        for frame in posts
    ]
    return pl.concat(frames)


def draw(candidates: pl.DataFrame, count: int, seed: int) -> pl.DataFrame:
    """The ids of `count` of the candidates, or of all if there are fewer, ascending.

    In a stratum of N images, the k-th in the order of the hash stands at (k - 1 + v) / N, where v is a fixed random number of
    the stratum from 0 to 1: up to any limit, each stratum has its share of the images, rounded at random. The images with the
    lowest places are drawn.

    Args:
        candidates: of `candidates_of`.
        count: how many to draw.
        seed: another one draws others.
    """
    strata = pl.col("rating") * 16 + _third("pixels") * 4 + _third("tags")
    frame = candidates.select("id", stratum=strata).with_columns(order=uniform(candidates["id"].to_numpy(), seed))
    parts = frame.group_by("stratum").agg(total=pl.len(), first=pl.struct("order", "id").bottom_k_by("order", count))
    start = uniform(parts["stratum"].to_numpy().astype(np.int64), seed + 1)
    first = parts.with_columns(start=start).explode("first").unnest("first")
    rank = pl.col("order").rank("ordinal").over("stratum")
    places = first.with_columns(place=(rank - 1 + pl.col("start")) / pl.col("total"))
    return places.bottom_k(count, by=["place", "order"]).select(pl.col("id").sort())


def _third(name: str) -> pl.Expr:
    """Which third of all candidates a value is in, 0 to 2, or 3 if it is null."""
    value = pl.col(name)
    lower, upper = (value.quantile(share, "lower") for share in (1 / 3, 2 / 3))
    return (value > lower).cast(pl.UInt8).fill_null(3) + (value > upper).cast(pl.UInt8).fill_null(0)


def with_details(rows: Iterable[pl.DataFrame], posts: Iterable[pl.DataFrame]) -> Stream:
    """Rows of a shard, as a sorted stream, with the columns of TRIAL_SCHEMA that are those of posts."""
    for frame, post_rows in aligned([rows, posts]):
        yield frame.join(post_rows, on="id", how="left", maintain_order="left").select(list(TRIAL_SCHEMA))
