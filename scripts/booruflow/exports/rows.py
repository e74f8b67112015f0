"""The posts of an export: their parts and where their images are, in blocks."""

from collections.abc import Iterable

import polars as pl

from booruflow.core.streams import Stream, aligned


def export_rows(parts: Iterable[pl.DataFrame], images: Iterable[pl.DataFrame], resolutions: Iterable[pl.DataFrame]) -> Stream:
    """One row per post that has tags or a caption; one that cannot be trained on has no training resolution.

    Args:
        parts: of `booruflow.texts.parts.part_rows`.
        images: images.parquet.
        resolutions: resolutions.parquet, without unreadable images.
    """
    for part_rows, image_rows, rows in aligned([parts, images, resolutions]):
        rows = rows.rename({"folder": "image_folder"}).join(part_rows, on="id", how="right", maintain_order="right")
        yield rows.join(image_rows.rename({"size": "bytes"}), on="id", how="left", maintain_order="left")


def in_blocks(rows: Iterable[pl.DataFrame], size: int) -> Stream:
    """The same rows in frames of `size` and more, at most twice that; the last one may be smaller."""
    collected: list[pl.DataFrame] = []
    for frame in rows:
        for part in frame.iter_slices(size):
            collected.append(part)
            if sum(map(len, collected)) >= size:
                yield pl.concat(collected)
                collected = []
    if collected:
        yield pl.concat(collected)
