"""Image bytes decoded to pixels."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageOps, UnidentifiedImageError

from booruflow.core.errors import Unreadable

# What Pillow's decoders and its EXIF reader raise on broken images, found by mutating files of each format.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, TypeError, EOFError, RuntimeError, struct.error, Image.DecompressionBombError)


def open_image(data: bytes) -> Image.Image:
    """Decode an image: RGB, upright (EXIF), transparency over white, the first frame of an animation.

    Raises:
        Unreadable: broken, truncated, of an unknown format, or of more pixels than Pillow's limit (178,956,970).
    """
    with opened(data) as image:
        return _on_white(ImageOps.exif_transpose(image))


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """An image opened by Pillow, its pixels not decoded yet.

    Raises:
        Unreadable: as `open_image`, also within the block.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            yield image
    except UnidentifiedImageError as error:  # its message contains a memory address
        raise Unreadable("not an image of a known kind") from error
    except _PILLOW_ERRORS as error:
        raise Unreadable(f"broken image ({error or type(error).__name__})") from error


def _on_white(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if image.mode.startswith("I;16"):  # 16-bit greyscale PNG: convert() would clip all but the darkest values to white
        image = image.point(lambda value: value / 256, "L")
    return image.convert("RGB")
