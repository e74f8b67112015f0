"""Which posts the trainer can use: those with a resolution, but for images found unreadable while captioning."""

from collections.abc import Iterable, Sequence

import polars as pl

from booruflow.captioning.skipped import UNREADABLE
from booruflow.core.streams import Stream, aligned


def without_unreadable(resolutions: Iterable[pl.DataFrame], skipped: Sequence[Iterable[pl.DataFrame]]) -> Stream:
    """Leave out the posts whose image could not be decoded for captioning; the trainer could not decode it either.

    Args:
        resolutions: any sorted stream.
        skipped: sorted streams of `id` and `reason`, one for each skipped file.
    """
    for rows, *shards in aligned([resolutions, *skipped]):
        for posts in shards:
            rows = rows.join(posts.filter(pl.col("reason") == UNREADABLE), on="id", how="anti", maintain_order="left")
        yield rows
