"""Resolutions: the size at which the trainer sees each image, from a kohya file or by its own bucket rule."""

from collections.abc import Iterable, Mapping
from typing import Literal

import polars as pl

from booruflow.core.streams import Stream, aligned
from booruflow.sources.buckets import training_resolution

RESOLUTIONS_SCHEMA = {
    "id": pl.Int64,
    "file": pl.String,
    "train_width": pl.Int32,
    "train_height": pl.Int32,
    "image_width": pl.Int32,
    "image_height": pl.Int32,
}
"""Columns of resolutions.parquet: one row per post that can be trained on; sizes in pixels. `file` is the image's file name."""

KOHYA_COLUMNS = ("train_width", "train_height", "image_width_kohya", "image_height_kohya")
"""Columns of a kohya file after the join with posts and images."""


def resolution_rows(
    posts: Iterable[pl.DataFrame],
    images: Iterable[pl.DataFrame],
    kohya: Iterable[pl.DataFrame] | None,
    bucket_rule: Mapping[str, int | bool],
    need_image: bool,
) -> Stream:
    """Rows of RESOLUTIONS_SCHEMA for the posts that can be trained on.

    With `kohya` these are the posts in it; sizes that it lacks are filled in. Without, they are the posts whose size is known
    from the metadata or the image itself; their training resolution follows from the bucket rule.

    Args:
        posts: `id`, `image_width`, `image_height`, `file_ext`.
        images: `id`, `ext`, `file`, `offset`, `width`, `height`.
        kohya: a sorted stream of `booruflow.sources.kohya_resolutions.KOHYA_SCHEMA`.
        bucket_rule: the arguments of `booruflow.sources.buckets.training_resolution` by name.
        need_image: without `kohya`, leave out posts that have no image; false where no image folder is configured.
    """
    name_by_id = pl.format("{}.{}", "id", pl.coalesce("ext", "file_ext", pl.lit("webp")))
    how: Literal["inner", "left"] = "inner" if need_image and kohya is None else "left"
    streams = [posts, images] if kohya is None else [posts, images, kohya]
    for post_rows, image_rows, *kohya_rows in aligned(streams):
        rows = post_rows.join(image_rows, on="id", how=how, maintain_order="left")
        if kohya_rows:
            rows = rows.join(kohya_rows[0], on="id", how="inner", maintain_order="left", suffix="_kohya")
        else:
            rows = rows.with_columns([pl.lit(None, pl.Int32).alias(name) for name in KOHYA_COLUMNS])
        rows = rows.select(
            "id",
            "train_width",
            "train_height",
            file=pl.when(pl.col("offset").is_null() & pl.col("file").is_not_null()).then("file").otherwise(name_by_id),
            image_width=pl.coalesce("image_width_kohya", "image_width", "width"),
            image_height=pl.coalesce("image_height_kohya", "image_height", "height"),
        )
        sizes = rows.select(pl.col("image_width", "image_height").fill_null(0))
        widths, heights = training_resolution(sizes["image_width"], sizes["image_height"], **bucket_rule)  # type: ignore[arg-type]
        yield (
            rows.with_columns(
                train_width=pl.coalesce("train_width", pl.Series(widths, dtype=pl.Int32)),
                train_height=pl.coalesce("train_height", pl.Series(heights, dtype=pl.Int32)),
            )
            .filter((pl.col("train_width") > 0) & (pl.col("train_height") > 0))
            .select([pl.col(name).cast(dtype) for name, dtype in RESOLUTIONS_SCHEMA.items()])
        )
