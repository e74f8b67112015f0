"""The images of an export: linked, copied (out of tars as well), or encoded again to one format and size."""

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import polars as pl
from PIL import Image

from booruflow.core.errors import Unreadable, UserError
from booruflow.core.streams import parallel_map
from booruflow.exports.ledger import Ledger, Written
from booruflow.products.file_list import LINK, Listed
from booruflow.sources.images.decoding import open_image
from booruflow.sources.images.listing import IMAGE_PATH
from booruflow.sources.images.reading import read_image

_TASK_ROWS = 256
"""Images of one task of a thread."""


class Source(NamedTuple):
    """An image: its post, the path of its file or tar, its bytes in the tar, its name, and its size in pixels."""

    id: int
    path: str
    offset: int | None
    size: int | None
    name: str
    width: int
    height: int


SOURCE_COLUMNS = ("id", "path", "offset", "bytes", "name", "image_width", "image_height")
"""The columns of the rows of an export that make a `Source`, with `IMAGE_PATH` as `path`."""


class How(NamedTuple):
    """How images are written: `way` is "link", "copy" or "encode"; `encode` the config section of that name."""

    way: str
    encode: Mapping[str, Any]

    def extension(self, name: str) -> str:
        """The extension of an image in the export."""
        return str(self.encode["format"]) if self.way == "encode" else name.rpartition(".")[2].lower()


def write_images(rows: pl.DataFrame, folder: Path, below: str, how: How, ledger: Ledger, threads: int) -> list[Written]:
    """Write the images of a block of rows to `<folder>/<below>/<id>.<extension>`; those that are there already are kept.

    Args:
        rows: the columns of images.parquet, `size` as `bytes`, and `image_width` and `image_height`.
        folder: of the export.
        below: the folder of the images in it; exists.
        how: how they are written.
        ledger: what earlier jobs have written; what this one writes is added.
        threads: threads that read and write.

    Returns:
        What is there now, in the order of the rows; of links `sha256` is the target (see `booruflow.products.file_list`).

    Raises:
        UserError: an image cannot be read or written; it is named.
    """
    placed = rows.with_columns(path=IMAGE_PATH).select(SOURCE_COLUMNS)
    sources = [Source(*row) for row in placed.sort("path", "offset", "id").iter_rows()]
    ledger.announce(_place(source, below, how) for source in sources)
    tasks = [sources[start : start + _TASK_ROWS] for start in range(0, len(sources), _TASK_ROWS)]
    done: dict[int, Written] = {}
    results = parallel_map(partial(_write, folder, below, how, ledger), tasks, threads)
    for sources_of_task, (written, new) in zip(tasks, results, strict=True):
        ledger.add(new)
        done.update(zip((source.id for source in sources_of_task), written, strict=True))
    return [done[post] for post in rows["id"]]


def listed(written: Written) -> Listed:
    """The line of files.tsv."""
    return Listed(0 if written.sha256.startswith(LINK) else written.size, written.sha256, written.path)


def _place(source: Source, below: str, how: How) -> str:
    """Where an image is written, below the folder of the export."""
    return f"{below}/{source.id}.{how.extension(source.name)}"


def _write(folder: Path, below: str, how: How, ledger: Ledger, sources: Sequence[Source]) -> tuple[list[Written], list[Written]]:
    """Write the images of a task; return all, and those that were not there."""
    done, new = [], []
    with OpenTars() as tars:
        for source in sources:
            path = _place(source, below, how)
            file = f"{folder}/{path}"
            key = _key(source, how, tars)
            written = ledger.find(path, key, file)
            if written is None:
                written = _write_one(source, how, key, path, file, tars)
                new.append(written)
            done.append(written)
    return done, new


class OpenTars:
    """The file of the last image, kept open for the next one: in the order of a task, a tar is opened once."""

    def __init__(self) -> None:
        self._path, self._file, self.state = "", -1, ""

    def open(self, path: str) -> int:
        """The descriptor of a file; `state` then tells its size and time."""
        if path != self._path:
            self.close()
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            self._path = path
            status = os.fstat(self._file)
            self.state = f"{status.st_size}\0{status.st_mtime_ns}"
        return self._file

    def close(self) -> None:
        """Close it."""
        if self._path:
            os.close(self._file)
        self._path = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def image_of(source: Source, how: How, tars: OpenTars) -> tuple[bytes | memoryview, int, int]:
    """The bytes of an image, copied or encoded, and its width and height there.

    Raises:
        UserError: it cannot be read or decoded; it is named.
    """
    try:
        data = _member(source, tars) if source.offset is not None else read_image(source.path)
        if how.way == "encode":
            data, size = encoded(bytes(data), how.encode)
            return data, *size
        return data, source.width, source.height
    except Unreadable as error:
        raise UserError(
            f"{source.path}: image of post {source.id}: {error}: replace it, or set inputs.check_images, which leaves it out"
        ) from error


def _key(source: Source, how: How, tars: OpenTars) -> str:
    """A digest of where an image comes from, and of how it is written."""
    try:
        tars.open(source.path)
    except OSError as error:
        raise UserError(f"{source.path}: cannot be read ({error.strerror}): restore the image and run again") from error
    settings = dict(how.encode) if how.way == "encode" else ""
    text = f"{how.way}\0{settings}\0{source.path}\0{source.offset}\0{source.size}\0{tars.state}"
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def _write_one(source: Source, how: How, key: str, path: str, file: str, tars: OpenTars) -> Written:
    if how.way == "link":
        return _link(source, key, path, file)
    data, width, height = image_of(source, how, tars)
    try:
        target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    except OSError:  # a link of an earlier setting
        with suppress(FileNotFoundError):
            Path(file).unlink()
        target = -1
    try:
        if target < 0:
            target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(target, rest) :]
            status = os.fstat(target)
        finally:
            os.close(target)
    except OSError as error:
        raise UserError(f"{file}: cannot be written ({error.strerror}): free space or fix the path") from error
    return Written(key, status.st_size, status.st_mtime_ns, width, height, hashlib.sha256(data).hexdigest(), path)


def _member(source: Source, tars: OpenTars) -> bytes | memoryview:
    """The bytes of a member of a tar, read together with its header, which must be that of a file of this size."""
    assert source.offset is not None and source.size is not None
    try:
        data = os.pread(tars.open(source.path), tarfile.BLOCKSIZE + source.size, source.offset - tarfile.BLOCKSIZE)
    except OSError as error:
        raise UserError(f"{source.path}: cannot be read ({error.strerror}): repair or remove the file") from error
    image = memoryview(data)[tarfile.BLOCKSIZE :]
    # the size is in octal digits, or for very large members in another form, which frombuf knows
    digits = data[124:135]
    is_size = digits.isdigit() and int(digits, 8) == source.size
    if len(image) != source.size or not source.size or not is_size:
        return read_image(source.path, source.offset, source.size)  # finds what is wrong, if anything is
    return image


def _link(source: Source, key: str, path: str, file: str) -> Written:
    if source.offset is not None:
        raise UserError(f"{source.path}: images in tars cannot be linked: set images: copy, which takes them out")
    target = os.path.abspath(source.path)  # noqa: PTH100 (resolves no links)
    if any(character in target for character in "\t\n"):
        raise UserError(f"{source.path!r}: a tab or line break in the name: rename the file, or set images: copy")
    try:
        with suppress(FileNotFoundError):
            Path(file).unlink()
        os.symlink(target, file)  # noqa: PTH211
        status = os.lstat(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be linked ({error.strerror}): set images: copy") from error
    return Written(key, status.st_size, status.st_mtime_ns, source.width, source.height, LINK + target, path)


def encoded(data: bytes, settings: Mapping[str, Any]) -> tuple[bytes, tuple[int, int]]:
    """An image in another format, and its width and height there.

    It is upright, on white where it was transparent, and without metadata. It is made smaller, never larger, with Lanczos.

    Args:
        data: the image.
        settings: `format` (webp, jpg or png), `quality` (of webp and jpg), `max_pixels` (area) and `max_side`, each null for
            no limit.

    Raises:
        Unreadable: it cannot be decoded.
    """
    image = open_image(data)
    size = fitted(*image.size, settings["max_pixels"], settings["max_side"])
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    match settings["format"]:
        case "png":
            image.save(out, "PNG")
        case "jpg":
            image.save(out, "JPEG", quality=settings["quality"], subsampling=0, optimize=True)
        case _:
            image.save(out, "WEBP", quality=settings["quality"], method=4)
    return out.getvalue(), size


def fitted(width: int, height: int, max_pixels: int | None, max_side: int | None) -> tuple[int, int]:
    """The largest size of the same shape within the limits, at most the size itself and at least one pixel."""
    scale = min(
        1.0,
        (max_pixels / (width * height)) ** 0.5 if max_pixels else 1.0,
        max_side / max(width, height) if max_side else 1.0,
    )
    return max(int(width * scale + 1e-9), 1), max(int(height * scale + 1e-9), 1)
