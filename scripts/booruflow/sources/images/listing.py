"""images.parquet: which posts have an image, and where it is."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.idjson import MAX_ID_DIGITS
from booruflow.core.progress import progress
from booruflow.sources.images.tars import tar_members

EXTENSIONS = ("png", "jpg", "jpeg", "webp", "bmp", "avif", "gif")
"""Extensions of images. Of several images of a post, the one whose extension comes first here is taken."""

IMAGES_SCHEMA = {"id": pl.Int64, "file": pl.String, "offset": pl.Int64, "size": pl.Int64, "ext": pl.String}
"""Columns of images.parquet."""

IMAGE_NAME = re.compile(rf"(?:.*/)?([0-9]{{1,{MAX_ID_DIGITS}}})\.({'|'.join(EXTENSIONS)})", re.IGNORECASE | re.DOTALL)

_CANDIDATES_SCHEMA = {"id": pl.Int64, "rank": pl.UInt8, "file": pl.String, "offset": pl.Int64, "size": pl.Int64}
_BATCH = 1 << 17

_File = tuple[str, str, int | None, int | None]
"""The image's own name, then its `file`, `offset` and `size`."""


@dataclass(frozen=True)
class Images:
    """The images in a folder.

    Attributes:
        frame: one row per post that has an image, ascending by id, with the columns of IMAGES_SCHEMA.
        ignored: number of files and members whose name is not `<id>.<ext>` with one of EXTENSIONS.
        duplicates: number of images not taken because their post has another.
    """

    frame: pl.DataFrame
    ignored: int
    duplicates: int


NO_IMAGES = Images(pl.DataFrame(schema=IMAGES_SCHEMA), 0, 0)


def list_images(root: str | Path) -> Images:
    """Find the image of each post, in the folder `root` and in the tars directly in it.

    Tars may be split and named in any way; in the common layout `0123.tar` has the ids with `id % 1000 == 123`. Of several
    images of a post, the first in the order of (extension as in EXTENSIONS, file, offset) is taken. Uses about 100 bytes of
    memory an image.

    Raises:
        UserError: `root` is not a folder, a tar is broken, or an index does not fit its tar.
    """
    ignored = 0
    frames = [pl.DataFrame(schema=_CANDIDATES_SCHEMA)]
    files = _files(Path(root))
    while batch := list(islice(files, _BATCH)):
        matches = ((IMAGE_NAME.fullmatch(name), location) for name, *location in batch)
        rows = [(int(match[1]), EXTENSIONS.index(match[2].lower()), *location) for match, location in matches if match]
        ignored += len(batch) - len(rows)
        frames.append(pl.DataFrame(rows, schema=_CANDIDATES_SCHEMA, orient="row"))
    candidates = pl.concat(frames).sort("id", "rank", "file", "offset")
    frame = candidates.filter(pl.col("id").ne_missing(pl.col("id").shift()))
    frame = frame.with_columns(ext=pl.lit(pl.Series(EXTENSIONS)).gather(pl.col("rank"))).select(list(IMAGES_SCHEMA))
    return Images(frame, ignored, candidates.height - frame.height)


def _files(root: Path) -> Iterator[_File]:
    if not root.is_dir():
        raise UserError(f"{root}: no such image folder: correct inputs.images")
    tars = []
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.endswith(".tar"):
                tars.append(root / entry.name)
            elif not entry.name.endswith(".json") and entry.is_file():
                yield entry.name, entry.name, None, None
    if not tars:
        return
    with progress(len(tars), f"{root}: images", unit="tars") as bar:
        for tar in sorted(tars):
            for name, member in tar_members(tar).items():
                yield name, tar.name, member["offset"], member["size"]
            bar.update(1)
