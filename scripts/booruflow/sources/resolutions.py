"""Resolutions: the size at which the trainer sees each image, from a kohya file or by its own bucket rule."""

from collections.abc import Iterable, Mapping
from typing import Literal

import polars as pl

from booruflow.core.streams import Stream, aligned
from booruflow.sources.buckets import training_resolution
from booruflow.sources.images.names import EXTENSIONS, fixed_parts
from booruflow.sources.images.reasons import (
    NO_IMAGE,
    NO_RESOLUTION,
    NO_SIZE,
    NOT_AN_IMAGE,
    NOT_LISTED,
    UNREADABLE,
    reason_entries,
)

RESOLUTIONS_SCHEMA = {
    "id": pl.Int64,
    "folder": pl.String,
    "file": pl.String,
    "train_width": pl.Int32,
    "train_height": pl.Int32,
    "image_width": pl.Int32,
    "image_height": pl.Int32,
}
"""Columns of resolutions.parquet: one row per post that can be trained on; sizes in pixels. `file` is the path of its image
below the image folder, for one in a tar after unpacking; `folder` is that folder as in the config, null without an image."""

KOHYA_COLUMNS = ("train_width", "train_height", "image_width_kohya", "image_height_kohya")
"""Columns of a kohya file after the join with posts and images."""

_FILE_EXT = pl.col("file_ext").str.strip_prefix(".")
_IS_IMAGE = _FILE_EXT.str.to_lowercase().is_in(EXTENSIONS).fill_null(True)
"""Whether the post is an image, by `file_ext`; unknown counts as one."""


def resolution_rows(
    posts: Iterable[pl.DataFrame],
    images: Iterable[pl.DataFrame],
    kohya: Iterable[pl.DataFrame] | None,
    bucket_rule: Mapping[str, int | bool],
    image_name: str,
    need_image: bool,
) -> Stream:
    """Rows of RESOLUTIONS_SCHEMA for the posts that can be trained on.

    With `kohya` these are the posts in it, without it those with an image or, if no image folder is configured, all; the size
    must be known from the image, from `kohya` or from the metadata. A training resolution that `kohya` lacks follows from the
    bucket rule. An image that cannot be used, and a video or archive by `file_ext`, is not among them.

    Args:
        posts: `id`, `image_width`, `image_height`, `file_ext`.
        images: `id`, `folder`, `name`, `width`, `height`, `problem`.
        kohya: a sorted stream of `booruflow.sources.kohya_resolutions.KOHYA_SCHEMA`.
        bucket_rule: the arguments of `booruflow.sources.buckets.training_resolution` by name.
        image_name: the template of names, see `booruflow.sources.images.names.name_pattern`.
        need_image: without `kohya`, leave out posts that have no image; false where no image folder is configured.
    """
    how: Literal["inner", "left"] = "inner" if need_image and kohya is None else "left"
    streams = [posts, images] if kohya is None else [posts, images, kohya]
    for post_rows, image_rows, *kohya_rows in aligned(streams):
        rows = post_rows.join(image_rows, on="id", how=how, maintain_order="left").filter(pl.col("problem").is_null())
        if kohya_rows:
            rows = rows.join(kohya_rows[0], on="id", how="inner", maintain_order="left", suffix="_kohya")
        else:
            rows = rows.with_columns([pl.lit(None, pl.Int32).alias(name) for name in KOHYA_COLUMNS])
        rows = rows.select(
            "id",
            "train_width",
            "train_height",
            "folder",
            file=pl.coalesce("name", _file_name(image_name)),
            image_width=pl.coalesce("width", "image_width_kohya", "image_width"),
            image_height=pl.coalesce("height", "image_height_kohya", "image_height"),
        )
        rows = rows.drop_nulls(["file", "image_width", "image_height"])
        widths, heights = training_resolution(rows["image_width"], rows["image_height"], **bucket_rule)  # type: ignore[arg-type]
        yield (
            rows.with_columns(
                train_width=pl.coalesce("train_width", pl.Series(widths, dtype=pl.Int32)),
                train_height=pl.coalesce("train_height", pl.Series(heights, dtype=pl.Int32)),
            )
            .filter((pl.col("train_width") > 0) & (pl.col("train_height") > 0))
            .select([pl.col(name).cast(dtype) for name, dtype in RESOLUTIONS_SCHEMA.items()])
        )


def _file_name(image_name: str) -> pl.Expr:
    """The file name of a post without an image here; null for a video or an archive, and where the id does not determine it."""
    parts = fixed_parts(image_name)
    if parts is None:
        return pl.lit(None, pl.String)
    return pl.when(_IS_IMAGE).then(
        pl.concat_str(pl.lit(parts[0]), "id", pl.lit(f"{parts[1]}."), pl.coalesce(_FILE_EXT, pl.lit("webp")))
    )


def excluded_entries(
    posts: Iterable[pl.DataFrame],
    images: Iterable[pl.DataFrame],
    kohya: Iterable[pl.DataFrame] | None,
    resolutions: Iterable[pl.DataFrame],
    image_name: str,
    need_image: bool,
) -> Stream:
    """For each post without a training resolution the entry that says why (see `booruflow.sources.images.reasons`).

    Args:
        posts: as for `resolution_rows`.
        images: as for `resolution_rows`.
        kohya: as for `resolution_rows`.
        resolutions: `id` of the posts that have one.
        image_name: as for `resolution_rows`.
        need_image: as for `resolution_rows`.
    """
    need_image = fixed_parts(image_name) is None or (need_image and kohya is None)
    streams = [posts, images, resolutions] if kohya is None else [posts, images, resolutions, kohya]
    for post_rows, image_rows, found, *kohya_rows in aligned(streams):
        rows = post_rows.join(found, on="id", how="anti", maintain_order="left")
        rows = rows.join(image_rows, on="id", how="left", maintain_order="left")
        if kohya_rows:
            listed = kohya_rows[0].with_columns(listed=True)
            rows = rows.join(listed, on="id", how="left", maintain_order="left", suffix="_kohya")
        else:
            rows = rows.with_columns(listed=True, image_width_kohya=None, image_height_kohya=None)
        width = pl.coalesce("width", "image_width_kohya", "image_width")
        height = pl.coalesce("height", "image_height_kohya", "image_height")
        no_image = pl.col("name").is_null()
        cases = [
            (pl.col("problem").is_not_null(), UNREADABLE, pl.col("problem")),
            (no_image & ~_IS_IMAGE, NOT_AN_IMAGE, pl.col("file_ext")),
            (pl.col("listed").is_null(), NOT_LISTED, pl.lit(None, pl.String)),
            (no_image & need_image, NO_IMAGE, pl.lit(None, pl.String)),
            (width.is_null() | height.is_null(), NO_SIZE, pl.lit(None, pl.String)),
            (pl.lit(True), NO_RESOLUTION, pl.format("{} x {} pixels", width, height)),
        ]
        why = [
            pl.when(case).then(pl.struct(pl.lit(reason).alias("reason"), detail.alias("detail")))
            for case, reason, detail in cases
        ]
        yield reason_entries(rows.select("id", why=pl.coalesce(why)).unnest("why"))
