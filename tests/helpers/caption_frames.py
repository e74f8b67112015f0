"""Frames of captions for the checks of quality."""

from collections.abc import Callable

import polars as pl

from booruflow.quality.people import people_counts


def caption_frame(*rows: tuple[str, str], character: str = "", origin: str = "generated") -> pl.DataFrame:
    """Captions with their general tags, with ids from 1."""
    frame = pl.DataFrame(
        {"id": range(1, len(rows) + 1), "caption": [caption for caption, _ in rows], "general": [tags for _, tags in rows]},
        schema={"id": pl.Int64, "caption": pl.String, "general": pl.String},
    ).with_columns(origin=pl.lit(origin), character=pl.lit(character))
    return frame.with_columns(people=people_counts(frame["general"]))


def flags_of(
    check: Callable[[pl.DataFrame], pl.DataFrame], caption: str, general: str = "1girl solo", **columns: str
) -> dict[str, str]:
    """The flags of one caption, with their details."""
    return dict(check(caption_frame((caption, general), **columns)).select("flag", "detail").iter_rows())
