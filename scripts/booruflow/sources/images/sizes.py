"""Width and height of images in pixels, from their headers."""

import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import imagesize
import polars as pl

from booruflow.core.errors import Unreadable
from booruflow.core.streams import aligned
from booruflow.sources.images.decoding import opened
from booruflow.sources.images.reading import open_at, read_image

_HEADER = 64 << 10
"""Bytes read first; they hold the size in nearly all images."""


def with_sizes(root: str | Path, images: Iterable[pl.DataFrame], posts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Add `width` and `height` in pixels to a sorted stream of images, for the posts whose metadata lack a size.

    Only those images are opened. Both columns are null for the others, and where an image cannot be read.

    Args:
        root: the image folder.
        images: columns of images.parquet.
        posts: `id`, `image_width`, `image_height`.
    """
    for image_rows, post_rows in aligned([images, posts]):
        unsized = post_rows.filter(pl.col("image_width").is_null() | pl.col("image_height").is_null())
        sizes = []
        for row in image_rows.join(unsized.select("id"), on="id", how="semi").iter_rows(named=True):
            with suppress(Unreadable):
                sizes.append((row["id"], *size_of(root, row["file"], row["offset"], row["size"])))
        measured = pl.DataFrame(sizes, schema={"id": pl.Int64, "width": pl.Int32, "height": pl.Int32}, orient="row")
        yield image_rows.join(measured, on="id", how="left", maintain_order="left")


def size_of(root: str | Path, file: str, offset: int | None = None, size: int | None = None) -> tuple[int, int]:
    """Width and height as stored, before any EXIF rotation, which is what the trainer goes by.

    Reads only the start of the file where that is enough.

    Raises:
        Unreadable, UserError: as `read_image` and `open_image`.
    """
    with open_at(root, file, offset) as stream:
        header = stream.read(_HEADER if size is None else min(_HEADER, size))
    width, height = imagesize.get(io.BytesIO(header), exif_rotation=False)
    if width > 0 and height > 0:
        return width, height
    with opened(read_image(root, file, offset, size)) as image:
        return image.size
