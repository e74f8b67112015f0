"""Images within a page: small, as data URIs, so that the page needs no other file."""

import base64
import io
from collections.abc import Iterable, Set
from typing import TypeAlias

import polars as pl

from booruflow.sources.images.decoding import open_image
from booruflow.sources.images.listing import IMAGE_PATH
from booruflow.sources.images.reading import read_image

SIDE = 256
"""Maximum width and height in pixels."""

Location: TypeAlias = tuple[str, int | None, int | None]
"""Path, offset and size of an image, see `booruflow.sources.images.reading`."""


def find_images(images: Iterable[pl.DataFrame], ids: Set[int]) -> dict[int, Location]:
    """Where the images of `ids` are stored, from a stream of images.parquet."""
    wanted = pl.Series("id", sorted(ids), pl.Int64).implode()
    rows = (frame.filter(pl.col("id").is_in(wanted)).select("id", IMAGE_PATH, "offset", "size") for frame in images)
    return {row[0]: row[1:] for frame in rows for row in frame.iter_rows()}


def thumbnail(location: Location, side: int = SIDE) -> str:
    """A `data:` URI of the image, in WebP, `side` pixels wide and high at most.

    Raises:
        Unreadable: it cannot be opened or decoded.
        UserError: as `read_image`.
    """
    image = open_image(read_image(*location))
    image.thumbnail((side, side))
    data = io.BytesIO()
    image.save(data, "webp", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}"
