"""Images of posts, by id only: as they are stored, and scaled by the decoder of the caption jobs."""

import io
from typing import Any

from PIL import Image

from booruflow.core.errors import Unreadable, UserError
from booruflow.review.reading.posts_table import SortedTable
from booruflow.review.reading.products import Products
from booruflow.sources.images.decoding import open_image, opened
from booruflow.sources.images.reading import read_image

TABLE = "results/images/images.parquet"
MIN_SIDE, MAX_SIDE = 64, 2048
QUALITY = 82


class NoImage(Exception):  # noqa: N818 (a finding, not a failure)
    """There is no image to show; the text says why."""


class Images:
    """The images of a data set."""

    def __init__(self, products: Products) -> None:
        self._products = products
        self._table = SortedTable(products.path(TABLE))

    def name(self, post: int) -> str:
        """The file of a post's image, and its name in a tar, for a person to read; "" if it has none."""
        place = self._place(post)
        if place is None:
            return ""
        return "/".join(place[part] for part in ("folder", "tar", "name") if place[part])

    def scaled(self, post: int, side: int) -> bytes:
        """The image as webp, at most `side` pixels wide and high (within MIN_SIDE and MAX_SIDE), upright, over white.

        Raises:
            NoImage: the post has none, or it cannot be opened.
        """
        side = min(max(side, MIN_SIDE), MAX_SIDE)
        try:
            image = open_image(self._stored(post), side * side)
        except Unreadable as error:
            raise NoImage(str(error)) from error
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
        data = io.BytesIO()
        image.save(data, "webp", quality=QUALITY, method=2)
        return data.getvalue()

    def original(self, post: int) -> tuple[bytes, str]:
        """The bytes as they are stored, and their media type, which is found in their content.

        Raises:
            NoImage: as `scaled`.
        """
        data = self._stored(post)
        try:
            with opened(data) as image:
                return data, Image.MIME[str(image.format)]
        except Unreadable as error:
            raise NoImage(str(error)) from error

    def _place(self, post: int) -> dict[str, Any] | None:
        return self._table.row(post)

    def _stored(self, post: int) -> bytes:
        place = self._place(post)
        if place is None:
            raise NoImage(
                self._table.problem or "no image" if self._table.path.exists() else f"{TABLE} is missing: snakemake images"
            )
        path = self._products.path(place["folder"]) / (place["tar"] or place["name"])
        try:
            return read_image(str(path), place["offset"], place["size"])
        except (Unreadable, UserError) as error:
            raise NoImage(str(error)) from error
