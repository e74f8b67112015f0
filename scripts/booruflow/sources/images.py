"""Finding and reading the images of posts, loose or in tars, where they lie.

A root folder holds loose images `<id>.<ext>`, or tars whose members are named so (in the 1000-tar layout
`0123.tar` holds the ids with `id % 1000 == 123`; any other split and any names will do), or both. A tar is read
through the index beside it (`0123.json`, the form of `hfutils.index.tar_create_index`) or, without one, by its headers.
An image is then known by three values, which the functions below take after the root: `file`, the path under the
root; `offset`, where its bytes begin in a tar (None: the file is the image); `size`, its bytes (None likewise).
"""

import hashlib
import io
import os
import re
import struct
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import imagesize
import orjson
import polars as pl
from PIL import Image, ImageOps, UnidentifiedImageError

from booruflow.core.errors import Unreadable, UserError
from booruflow.core.progress import progress
from booruflow.core.streams import aligned

EXTENSIONS = ("png", "jpg", "jpeg", "webp", "bmp", "avif", "gif")
"""What counts as an image. When a post has several, the earlier kind is taken."""

SCHEMA = {"id": pl.Int64, "file": pl.String, "offset": pl.Int64, "size": pl.Int64, "ext": pl.String}
"""Of images.parquet."""

_NAME = re.compile(rf"(?:.*/)?([0-9]{{1,18}})\.({'|'.join(EXTENSIONS)})", re.IGNORECASE | re.DOTALL)
_COLUMNS = {"id": pl.Int64, "rank": pl.UInt8, "file": pl.String, "offset": pl.Int64, "size": pl.Int64}
_EDGE = 32 << 10
_HEADER = 64 << 10

# What Pillow's decoders and its EXIF reader raise on broken images, established by mutating files of each kind.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
)

_Found = tuple[str, str, int | None, int | None]  # the image's own name, then file, offset, size


@dataclass(frozen=True)
class Images:
    """The images below a root.

    Attributes:
        frame: one row a post, ascending, with the columns of SCHEMA; `offset` and `size` are null for a loose image.
        ignored: files and members whose name is not `<id>.<ext>` of a known kind.
        duplicates: images passed over because their post has another.
    """

    frame: pl.DataFrame
    ignored: int
    duplicates: int


NONE = Images(pl.DataFrame(schema=SCHEMA), 0, 0)
"""No images at all."""


def list_images(root: str | Path) -> Images:
    """Find the image of each post, in the folder and in the tars directly below `root`.

    When a post has several images, the one first in the order (extension as in `EXTENSIONS`, file, offset) is taken.
    Takes about 100 bytes of memory an image.

    Raises:
        UserError: `root` is not a folder; a tar that is broken; an index that does not fit its tar.
    """
    root = Path(root)
    ignored = 0
    frames = [pl.DataFrame(schema=_COLUMNS)]
    every_found = _found(root)
    while found := list(islice(every_found, 1 << 17)):
        matches = ((_NAME.fullmatch(name), place) for name, *place in found)
        rows = [(int(match[1]), EXTENSIONS.index(match[2].lower()), *place) for match, place in matches if match]
        ignored += len(found) - len(rows)
        frames.append(pl.DataFrame(rows, schema=_COLUMNS, orient="row"))
    every = pl.concat(frames).sort("id", "rank", "file", "offset")
    frame = every.filter(pl.col("id").ne_missing(pl.col("id").shift()))
    frame = frame.with_columns(ext=pl.lit(pl.Series(EXTENSIONS)).gather(pl.col("rank"))).select(list(SCHEMA))
    return Images(frame, ignored, every.height - frame.height)


def with_sizes(root: str | Path, images: Iterable[pl.DataFrame], posts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Add `width` and `height` in pixels to a stream of images, null where an image's header cannot be read.

    Only images of posts whose metadata lack a size (`image_width`, `image_height`) are opened; the rest stay null too.
    """
    for found, some in aligned([images, posts]):
        unknown = some.filter(pl.col("image_width").is_null() | pl.col("image_height").is_null())
        sizes = []
        for row in found.join(unknown.select("id"), on="id", how="semi").iter_rows(named=True):
            with suppress(Unreadable):
                sizes.append((row["id"], *size_of(root, row["file"], row["offset"], row["size"])))
        measured = pl.DataFrame(sizes, schema={"id": pl.Int64, "width": pl.Int32, "height": pl.Int32}, orient="row")
        yield found.join(measured, on="id", how="left", maintain_order="left")


def read_image(root: str | Path, file: str, offset: int | None = None, size: int | None = None) -> bytes:
    """The bytes of an image.

    Raises:
        Unreadable: it is gone, empty, or cut off by the end of its tar.
        UserError: the root is gone, or the disk or the permissions forbid the reading.
    """
    with _opened(root, file, offset) as stream:
        data = stream.read(-1 if size is None else size)
    if not data:
        raise Unreadable("empty file")
    if size is not None and len(data) < size:
        raise Unreadable(f"cut off by the end of {file}")
    return data


def open_image(data: bytes) -> Image.Image:
    """Decode an image: RGB, upright (EXIF), transparency over white, the first frame of an animation.

    Raises:
        Unreadable: broken, truncated, of an unknown kind, or of more pixels than Pillow's limit (178,956,970).
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            return _on_white(ImageOps.exif_transpose(image))
    except _BROKEN as error:
        raise _unreadable(error) from error


def size_of(root: str | Path, file: str, offset: int | None = None, size: int | None = None) -> tuple[int, int]:
    """Width and height as stored, before any EXIF turn: what the trainer goes by. Reads only the header where it can.

    Raises:
        Unreadable, UserError: as `read_image` and `open_image`.
    """
    with _opened(root, file, offset) as stream:
        header = stream.read(_HEADER if size is None else min(_HEADER, size))
    width, height = imagesize.get(io.BytesIO(header), exif_rotation=False)
    if width > 0 and height > 0:
        return width, height
    try:
        with Image.open(io.BytesIO(read_image(root, file, offset, size))) as image:
            return image.size
    except _BROKEN as error:
        raise _unreadable(error) from error


def fingerprint(root: str | Path, file: str, offset: int | None = None, size: int | None = None) -> str:
    """A digest of an image for telling whether it is still the same: 32 hex digits.

    It is made of the size and the first and last 32 KiB, so that half a million images are checked in a minute or
    two, and does not depend on where the image lies.

    Raises:
        Unreadable, UserError: as `read_image`.
    """
    with _opened(root, file, offset) as stream:
        start = stream.tell()
        length = os.fstat(stream.fileno()).st_size if size is None else size
        digest = hashlib.sha256(b"%d\0" % length + stream.read(min(_EDGE, length)))
        stream.seek(start + max(length - _EDGE, 0))
        digest.update(stream.read(min(_EDGE, length)))
    return digest.hexdigest()[:32]


def scan_tar(tar: str | Path) -> dict[str, dict[str, int]]:
    """The `files` of a tar's index, `{name: {"offset", "size"}}`, from its headers (ustar, GNU and pax).

    Raises:
        UserError: not a tar, truncated, or broken in the middle.
    """
    tar = Path(tar)
    files = {}
    try:
        with tarfile.open(tar, "r:") as archive:
            while member := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps them all otherwise: 1 kB each
                if member.isreg():
                    files[member.name] = {"offset": member.offset_data, "size": member.size}
            end = archive.offset
        # tarfile takes a broken header for the end of the tar.
        with tar.open("rb") as file:
            file.seek(end)
            if any(file.read(tarfile.BLOCKSIZE)):
                raise UserError(f"{tar}: broken at byte {end}: fetch or pack it again")
    except tarfile.TarError as error:
        raise UserError(f"{tar}: not a whole tar ({error}): fetch or pack it again") from error
    return files


def _found(root: Path) -> Iterator[_Found]:
    if not root.is_dir():
        raise UserError(f"{root}: no such folder of images: set the path of the images")
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
            for name, place in _members(tar).items():
                yield name, tar.name, place["offset"], place["size"]
            bar.update(1)


def _members(tar: Path) -> dict[str, dict[str, int]]:
    index = tar.with_suffix(".json")
    if not index.exists():
        return scan_tar(tar)
    try:
        content = orjson.loads(index.read_bytes())
        files: dict[str, dict[str, int]] = content["files"]
        stated = content["filesize"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{index}: not the index of a tar ({error!r}): remove it, and the tar itself is read") from error
    if stated != tar.stat().st_size:
        raise UserError(f"{index}: made for a tar of {stated} bytes, {tar.name} has {tar.stat().st_size}: remove the index")
    return files


@contextmanager
def _opened(root: str | Path, file: str, offset: int | None) -> Iterator[IO[bytes]]:
    path = Path(root, file)
    try:
        with path.open("rb", buffering=0) as stream:
            stream.seek(offset or 0)
            yield stream
    except FileNotFoundError as error:
        if not Path(root).is_dir():
            raise UserError(f"{root}: no such folder of images: is the drive there?") from error
        raise Unreadable("no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): mend or remove the file") from error


def _on_white(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if image.mode.startswith("I;16"):  # a grey PNG of 16 bits: convert() would cut all but the darkest to white
        image = image.point(lambda value: value / 256, "L")
    return image.convert("RGB")


def _unreadable(error: Exception) -> Unreadable:
    if isinstance(error, UnidentifiedImageError):  # its message holds an address in memory
        return Unreadable("not an image of a known kind")
    return Unreadable(f"broken image ({error or type(error).__name__})")
