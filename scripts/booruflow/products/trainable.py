"""Which posts the trainer can use: those with a resolution, but for images found unreadable while captioning."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from booruflow.core.idjson import read_entries
from booruflow.core.streams import Stream, aligned

UNREADABLE = "unreadable image"
"""The reason in a skipped file for a post whose image cannot be decoded."""


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


def read_skipped(path: str | Path) -> Stream:
    """`id` and `reason` of the entries of a skipped file."""
    for frame in read_entries(path):
        entries = frame["value"].str.json_decode(pl.Struct({"reason": pl.String}))
        yield frame.select("id", reason=entries.struct.field("reason"))
