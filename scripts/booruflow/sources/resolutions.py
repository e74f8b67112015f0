"""Resolutions: at which resolution the trainer sees each image, from a kohya file or by its own bucket rule."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import polars as pl

from booruflow.core.streams import Stream, aligned
from booruflow.sources.buckets import training_resolution

SCHEMA = {
    "id": pl.Int64,
    "file": pl.String,
    "train_width": pl.Int32,
    "train_height": pl.Int32,
    "image_width": pl.Int32,
    "image_height": pl.Int32,
}
"""Of resolutions.parquet: one row per post that can be trained on; sizes in pixels. `file` is the image's own name."""

UNREADABLE = '"reason":"unreadable image'

GIVEN = ("train_width", "train_height", "image_width_given", "image_height_given")

KNOWN_RESOLUTIONS = {name: SCHEMA[name] for name in ("id", "train_width", "train_height", "image_width", "image_height")}


def resolution_rows(
    posts: Iterable[pl.DataFrame],
    images: Iterable[pl.DataFrame],
    known: Iterable[pl.DataFrame] | None,
    rule: Mapping[str, int | bool],
    need_image: bool,
) -> Stream:
    """Rows of SCHEMA for the posts that can be trained on.

    With `known` these are the posts in it; what it does not say is filled in. Without, they are the posts whose size is known
    from the metadata or the image itself, and that have an image if they need one; the bucket rule does the rest.

    Args:
        posts: `id`, `image_width`, `image_height`, `file_ext`.
        images: `id`, `ext`, `file`, `offset`, `width`, `height`.
        known: a stream of KNOWN_RESOLUTIONS, from an existing kohya file.
        rule: the arguments of `booruflow.sources.buckets.training_resolution` by name.
        need_image: whether a post without an image is left out; not so when no folder of images is given at all.
    """
    named = pl.format("{}.{}", "id", pl.coalesce("ext", "file_ext", pl.lit("webp")))
    how: Literal["inner", "left"] = "inner" if need_image and known is None else "left"
    streams = [posts, images] if known is None else [posts, images, known]
    for some, there, *given in aligned(streams):
        rows = some.join(there, on="id", how=how, maintain_order="left")
        if given:
            rows = rows.join(given[0], on="id", how="inner", maintain_order="left", suffix="_given")
        else:
            rows = rows.with_columns([pl.lit(None, pl.Int32).alias(name) for name in GIVEN])
        rows = rows.select(
            "id",
            "train_width",
            "train_height",
            file=pl.when(pl.col("offset").is_null() & pl.col("file").is_not_null()).then("file").otherwise(named),
            image_width=pl.coalesce("image_width_given", "image_width", "width"),
            image_height=pl.coalesce("image_height_given", "image_height", "height"),
        )
        sizes = rows.select(pl.col("image_width", "image_height").fill_null(0))
        widths, heights = training_resolution(sizes["image_width"], sizes["image_height"], **rule)  # type: ignore[arg-type]
        yield (
            rows.with_columns(
                train_width=pl.coalesce("train_width", pl.Series(widths, dtype=pl.Int32)),
                train_height=pl.coalesce("train_height", pl.Series(heights, dtype=pl.Int32)),
            )
            .filter((pl.col("train_width") > 0) & (pl.col("train_height") > 0))
            .select([pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()])
        )


def without_unreadable(resolutions: Iterable[pl.DataFrame], skipped: Sequence[Iterable[pl.DataFrame]]) -> Stream:
    """Leave out the posts whose image could not be read when it was to be captioned: the trainer could not either.

    Args:
        resolutions: any stream.
        skipped: entries of the skipped files.
    """
    for rows, *shards in aligned([resolutions, *skipped]):
        for entries in shards:
            broken = entries.filter(pl.col("value").str.contains(UNREADABLE, literal=True))
            rows = rows.join(broken, on="id", how="anti", maintain_order="left")
        yield rows
