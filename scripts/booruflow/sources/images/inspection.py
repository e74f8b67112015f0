"""Whether images can be used, and their width and height in pixels: by the header alone, or by decoding them.

What was inspected is remembered (`Remembered`), so a later run reads only what is new or changed.
"""

import hashlib
import io
import os
import struct
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from functools import partial
from threading import Lock

import imagesize
import numpy as np
import polars as pl

from booruflow.core.errors import Unreadable
from booruflow.core.streams import Stream, parallel_map
from booruflow.sources.images.decoding import opened, require_possible
from booruflow.sources.images.listing import IMAGE_PATH
from booruflow.sources.images.reading import open_image_file, read_image
from booruflow.sources.images.remembered import Keys, Remembered, Sizes

SIZES_SCHEMA = {
    "id": pl.Int64,
    "folder": pl.String,
    "name": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "problem": pl.String,
}
"""Columns of sizes.parquet: of the images of the posts, as in images.parquet and as `inspected` adds them."""

Size = tuple[int, int]
Inspect = Callable[[str, int | None, int | None], Size]
"""From the path, offset and size (bytes) of an image to its width and height; raises Unreadable with the reason."""

GENERATION = 1
"""Part of what is remembered. Raise it when an inspection finds more faults than before."""

_HEADER = 64 << 10
"""Bytes read first; they hold the size in nearly all images."""

_ROWS = 256
"""Images of one task of a thread."""

_LARGE = 25_000_000
"""Larger images, in pixels, are decoded one at a time, which bounds the memory."""

_one_large_image = Lock()


def inspected(images: Iterable[pl.DataFrame], inspect: Inspect, remembered: Remembered, threads: int) -> Stream:
    """Add `width` and `height` in pixels, and `problem` (why it cannot be used, or null), to a stream of images.

    Args:
        images: the columns of images.parquet.
        inspect: `stored_size` or `decoded_size`.
        remembered: the results of earlier runs with the same `inspect`; those of this run are added.
        threads: threads that read images.
    """
    blocks = (block for frame in images for block in (frame.iter_slices(_ROWS) if len(frame) else [frame]))
    for frame, keys, sizes in parallel_map(partial(_inspect_block, inspect, remembered), blocks, threads):
        remembered.add(keys, sizes)
        yield frame


def _inspect_block(inspect: Inspect, remembered: Remembered, images: pl.DataFrame) -> tuple[pl.DataFrame, Keys, Sizes]:
    """A block with its new columns, and what is to be remembered."""
    places = images.select(IMAGE_PATH, "offset", "size").rows()
    keys = np.array([_key(*place) for place in places], dtype="S16")
    sizes = remembered.find(keys)
    problems: list[str | None] = [None] * len(places)
    unknown = np.flatnonzero(sizes[:, 0] == 0)
    for number in unknown.tolist():
        try:
            sizes[number] = inspect(*places[number])
        except Unreadable as error:
            problems[number] = str(error)
    new = unknown[(sizes[unknown, 0] > 0) & (keys[unknown] != b"")]
    frame = images.with_columns(
        pl.Series("width", sizes[:, 0]), pl.Series("height", sizes[:, 1]), pl.Series("problem", problems, pl.String)
    )
    known_sizes = pl.when(pl.col("problem").is_null()).then(pl.col("width", "height"))
    return frame.with_columns(known_sizes), keys[new], sizes[new]


def _key(path: str, offset: int | None, size: int | None) -> bytes:
    """The key of an image: its place, and the size and time of change of its file."""
    try:
        status = os.stat(path)  # noqa: PTH116 (three times as fast, for millions of images)
    except OSError:  # inspecting it finds the reason
        return b""
    text = f"{GENERATION}\0{path}\0{offset}\0{size}\0{status.st_size}\0{status.st_mtime_ns}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def stored_size(path: str, offset: int | None = None, size: int | None = None) -> Size:
    """Width and height as stored, before any EXIF rotation, which is what the trainer goes by.

    Reads only the start of the file where that is enough.

    Raises:
        Unreadable, UserError: as `read_image` and `open_image`.
    """
    with open_image_file(path, offset, size) as image_file:
        header = image_file.read(0, _HEADER)
    if found := _size_in(header):
        require_possible(*found)
        return found
    with opened(read_image(path, offset, size)) as image:
        return image.size


def _size_in(header: bytes) -> Size | None:
    """Width and height in the first bytes of a file, if they are there."""
    if header.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")) or header[8:12] in (b"WEBP", b"avif", b"avis"):
        with suppress(ValueError, IndexError, struct.error):
            width, height = imagesize.get(io.BytesIO(header), exif_rotation=False)
            return (width, height) if width > 0 and height > 0 else None
    return None


def decoded_size(path: str, offset: int | None = None, size: int | None = None) -> Size:
    """Like `stored_size`, but all pixels of the first frame are decoded, so that any damage is found.

    Raises:
        Unreadable, UserError: as `read_image` and `open_image`.
    """
    width, height = stored_size(path, offset, size)
    alone = _one_large_image if width * height > _LARGE else nullcontext()
    with alone, opened(read_image(path, offset, size)) as image:
        image.draft(None, (1, 1))  # a JPEG at an eighth of its size: all of its data is read, in half the time
        image.load()
    return width, height
