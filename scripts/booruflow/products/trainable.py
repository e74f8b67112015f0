"""Which posts the trainer can use: those with a resolution, but for images that cannot be decoded."""

from collections.abc import Iterable, Sequence

import polars as pl

from booruflow.core.streams import Stream, aligned
from booruflow.sources.images.reasons import UNREADABLE


def without_unreadable(resolutions: Iterable[pl.DataFrame], lists: Sequence[Iterable[pl.DataFrame]]) -> Stream:
    """Leave out the posts whose image could not be decoded, when images were checked or for captioning.

    Args:
        resolutions: any sorted stream.
        lists: sorted streams of `id` and `reason`: of the list of unreadable images and of each skipped file.
    """
    for rows, *reasons in aligned([resolutions, *lists]):
        for posts in reasons:
            rows = rows.join(posts.filter(pl.col("reason") == UNREADABLE), on="id", how="anti", maintain_order="left")
        yield rows
