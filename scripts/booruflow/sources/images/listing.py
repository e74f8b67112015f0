"""images.parquet: which posts have an image, and where it is."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.progress import progress
from booruflow.sources.images.finding import files_below
from booruflow.sources.images.names import EXTENSIONS, name_pattern
from booruflow.sources.images.tars import tar_members

IMAGES_SCHEMA = {
    "id": pl.Int64,
    "folder": pl.String,
    "tar": pl.String,
    "name": pl.String,
    "offset": pl.Int64,
    "size": pl.Int64,
}
"""Columns of images.parquet. `folder` is the image folder as in the config; `tar` the path of a tar below it, null for a loose
image; `name` the path of the image below the folder, or in the tar, with `/`; `offset` and `size` are its bytes in the tar."""

IMAGE_PATH = pl.concat_str("folder", pl.lit("/"), pl.coalesce("tar", "name"))
"""The path of the file to open, of the columns of images.parquet."""

_CANDIDATES_SCHEMA = {
    "id": pl.Int64,
    "irregular": pl.Boolean,
    "source": pl.UInt16,
    "rank": pl.UInt8,
    "tar": pl.String,
    "name": pl.String,
    "offset": pl.Int64,
    "size": pl.Int64,
}
_BATCH = 1 << 17

_File = tuple[str, str | None, int | None, int | None, bool]
"""`name`, `tar`, `offset` and `size` of a file or member, and whether it is something else than a regular file."""


@dataclass(frozen=True)
class Images:
    """The images in folders.

    Attributes:
        frame: one row per post that has an image, ascending by id, with the columns of IMAGES_SCHEMA.
        ignored: number of files and members whose name is not that of an image.
        duplicates: number of images not taken because their post has another.
        skipped: a line for each folder and tar that cannot be read, with the reason.
    """

    frame: pl.DataFrame
    ignored: int
    duplicates: int
    skipped: list[str]


def require_images(images: Images, folders: Sequence[str], image_name: str) -> None:
    """Raise a UserError if there are folders, and no file in them has the name of an image."""
    if not folders or not images.frame.is_empty():
        return
    if images.ignored:
        raise UserError(
            f"config.yaml: inputs.images: none of the {images.ignored:,} files is called {image_name}.<ext>, with an extension"
            " such as png: set inputs.image_name to the form of their names, or correct the folder"
        )
    raise UserError(
        f"config.yaml: inputs.images: no image in {', '.join(folders)}: name the folder of the images, or [] if there are none"
    )


def list_images(folders: Sequence[str], image_name: str) -> Images:
    """Find the image of each post, in image folders with their subfolders and in the tars there.

    Tars may be split and named in any way; in the common layout `0123.tar` has the ids with `id % 1000 == 123`. Of several
    images of a post, the first in the order of (folder as listed, extension as in EXTENSIONS, loose before packed, tar, name)
    is taken. What is not a regular file is taken only where there is nothing else. Uses about 130 bytes of memory an image.

    Args:
        folders: the config list inputs.images.
        image_name: the template of names, see `name_pattern`.

    Raises:
        UserError: a folder does not exist, a tar is broken, or an index does not fit its tar.
    """
    pattern = re.compile(name_pattern(image_name) + r"\Z")
    ignored, skipped = 0, list[str]()
    frames = [pl.DataFrame(schema=_CANDIDATES_SCHEMA)]
    for source, folder in enumerate(folders):
        files = _files(folder, skipped)
        while batch := list(islice(files, _BATCH)):
            rows = []
            for name, tar, offset, size, irregular in batch:
                match = pattern.search(name)
                if match and _is_utf8(f"{tar}{name}"):
                    rank = EXTENSIONS.index(match[2].lower())
                    rows.append((int(match[1]), irregular, source, rank, tar, name, offset, size))
            ignored += len(batch) - len(rows)
            frames.append(pl.DataFrame(rows, schema=_CANDIDATES_SCHEMA, orient="row"))
    candidates = pl.concat(frames).sort("id", "irregular", "source", "rank", "tar", "name", "offset", nulls_last=False)
    frame = candidates.filter(pl.col("id").ne_missing(pl.col("id").shift()))
    duplicates = candidates.height - frame.height
    folder_names = pl.lit(pl.Series([*folders], dtype=pl.String)).gather(pl.col("source")) if folders else pl.lit(None, pl.String)
    return Images(frame.with_columns(folder=folder_names).select(list(IMAGES_SCHEMA)), ignored, duplicates, skipped)


def _files(folder: str, skipped: list[str]) -> Iterator[_File]:
    """The files of a folder that are not JSON, then the members of its tars."""
    if not Path(folder).is_dir():
        raise UserError(f"{folder}: no such image folder: correct inputs.images")
    tars = []
    for name, entry in files_below(folder, skipped.append):
        if name.endswith(".tar"):
            tars.append(name)
        elif not name.endswith(".json"):
            yield name, None, None, None, not _is_regular(entry)
    if not tars:
        return
    with progress(len(tars), f"{folder}: images", unit="tars") as bar:
        for tar in sorted(tars):
            path = Path(folder, tar)
            if path.is_file():
                for name, member in tar_members(path).items():
                    yield below_folder(name), tar, member["offset"], member["size"], False
            else:
                skipped.append(f"{path}: not a regular file")
            bar.update(1)


def _is_regular(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def below_folder(member: str) -> str:
    """Where a member is after unpacking, as tar does it: below the folder, also where its name is `./1.png` or `/1.png`."""
    parts = [part for part in member.split("/") if part not in ("", ".")]
    return "" if ".." in parts else "/".join(parts)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
