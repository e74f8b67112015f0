"""Image bytes decoded to pixels. Only the formats named here are opened: Pillow knows others, and some start programs."""

import io
import math
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from booruflow.core.errors import Unreadable

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "AVIF", "GIF")

MAX_PIXELS = 178_956_970
"""Larger images are refused, as Pillow does when it protects its caller from decompression bombs."""

MAX_SIDE = 65_535
"""No image is wider or higher, whatever its header says; a JPEG cannot be."""

# What Pillow's decoders and its EXIF reader raise on broken images, found by mutating files of each format.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, TypeError, EOFError, RuntimeError, struct.error, Image.DecompressionBombError)

warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # of half that many pixels; the limit here is MAX_PIXELS


def open_image(data: bytes, enough_pixels: int | None = None) -> Image.Image:
    """Decode an image: RGB, upright (EXIF), transparency over white, the first frame of an animation.

    A JPEG of more than `enough_pixels` pixels is decoded at a half, a quarter or an eighth of its size, as long as at least so
    many remain; that takes half the time.

    Raises:
        Unreadable: broken, truncated, of an unknown format, or too large (MAX_PIXELS, MAX_SIDE).
    """
    with opened(data) as image:
        if enough_pixels is not None:
            ratio = math.sqrt(enough_pixels / (image.width * image.height))
            image.draft(None, (math.ceil(image.width * ratio), math.ceil(image.height * ratio)))
        _scale_transparency(image)
        return _on_white(ImageOps.exif_transpose(image))


@contextmanager
def opened(data: bytes) -> Iterator[ImageFile.ImageFile]:
    """An image opened by Pillow, its pixels not decoded yet.

    Raises:
        Unreadable: as `open_image`, also within the block.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            require_possible(*image.size)
            yield image
    except UnidentifiedImageError as error:  # its message contains a memory address
        raise Unreadable("not an image of a known kind") from error
    except _PILLOW_ERRORS as error:
        raise Unreadable(f"broken image ({error or type(error).__name__})") from error


def require_possible(width: int, height: int) -> None:
    """Raise Unreadable if no image of this size can be used."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise Unreadable(f"{width} x {height} pixels")


def _scale_transparency(image: ImageFile.ImageFile) -> None:
    """Bring the value that stands for transparency in a PNG to 8 bits; Pillow does so only with the pixels."""
    raw_mode = image.tile[0].args if image.tile else None
    value = image.info.get("transparency")
    if value is not None and raw_mode in ("L;2", "L;4"):
        image.info["transparency"] = value * (85 if raw_mode == "L;2" else 17)
    elif value is not None and raw_mode == "RGB;16B":
        image.info["transparency"] = tuple(part >> 8 for part in value)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # convert() would clip all but the darkest values to white
        image = _grey_of_8_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _grey_of_8_bits(image: Image.Image) -> Image.Image:
    """A 16-bit greyscale image in 8 bits, with an alpha channel if one of its values stands for transparency."""
    values = np.asarray(image)
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    transparent = image.info.get("transparency")
    if transparent is None:
        return grey
    alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
    return Image.merge("LA", (grey, Image.fromarray(alpha)))
