"""Small images and tars of images, for tests of what reads them."""

import io
import random
import tarfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
from PIL import Image

from booruflow.sources.images.listing import IMAGE_PATH, list_images

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "avif": "AVIF", "gif": "GIF"}
"""Pillow's name of the format of each extension."""


def encoded(extension: str = "png", size=(8, 6), color="red", mode: str = "RGB", **options) -> bytes:
    """An image of one color."""
    out = io.BytesIO()
    Image.new(mode, size, color).save(out, FORMATS[extension], **options)
    return out.getvalue()


def noise(extension: str, size=(60, 40)) -> bytes:
    """An image of random pixels."""
    pixels = random.Random(0).randbytes(size[0] * size[1] * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(out, FORMATS[extension])
    return out.getvalue()


def pack(tar: Path, members: Mapping[str, bytes], form: int = tarfile.GNU_FORMAT) -> None:
    """Write a tar of files."""
    with tarfile.open(tar, "w", format=form) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def location(root: Path, post: int, image_name: str = "{id}") -> tuple[str, int | None, int | None]:
    """Path, offset and size of the image of a post."""
    return list_images([str(root)], image_name).frame.filter(pl.col("id") == post).select(IMAGE_PATH, "offset", "size").row(0)
