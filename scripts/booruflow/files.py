"""Writing files so that a reader sees the old one or the whole new one, never a half."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from booruflow.errors import UserError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; rename it into place when the block ends well.

    When the block raises, what was written is removed and an older file at `path` stays as it was. The name is
    `.<name>.part`: a killed writer leaves it behind, and the next one writes over it.

    Raises:
        UserError: the disk is full or the folder cannot be written; the message names the file.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno is None:
            raise
        raise UserError(f"{path}: cannot be written ({os.strerror(error.errno)}): free space or mend the path") from error


@contextmanager
def open_whole(path: str | Path) -> Iterator[BinaryIO]:
    """Like `written_whole`, with the file already open for writing bytes."""
    with written_whole(path) as part, part.open("wb") as file:
        yield file


class SentFile:
    """Sends to the disk what is written while more is made, so that nobody waits for it at the end.

    The system keeps what was written in its cache for who reads it next. With `keep` false it does not: a product of many
    gigabytes would push out what other jobs read.
    """

    STRETCH = 16 << 20

    def __init__(self, file: BinaryIO, keep: bool = True) -> None:
        self._file = file
        self._keep = keep
        self._written = self._sent = self._dropped = 0

    def write(self, data: bytes | memoryview) -> None:
        """Write all of `data`."""
        self._written += self._file.write(data)
        if self._written - self._sent >= self.STRETCH:
            self._file.flush()
            # what is on the disk already is dropped from the cache: nothing of the latest stretch, all of the one before
            start = self._sent if self._keep else self._dropped
            send(self._file, start, self._written - start)
            self._dropped, self._sent = self._sent, self._written


def send(file: BinaryIO, start: int = 0, length: int = 0) -> None:
    """Start to write part of a file to the disk (length 0: to its end), and drop from the cache what of it is there."""
    if hasattr(os, "posix_fadvise"):  # not on macOS and Windows
        os.posix_fadvise(file.fileno(), start, length, os.POSIX_FADV_DONTNEED)


@contextmanager
def open_input(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes.

    Raises:
        UserError: it cannot be opened or, within the block, read; the message names it and not what is being written.
    """
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): mend the path or fetch the file again") from error


def spool_beside(path: str | Path, name: str = "spool") -> Path:
    """A folder for what is sorted on disk on the way to `path`, on the same disk as it."""
    path = Path(path)
    return path.with_name(f".{path.name}.{name}")


def sha256_of(path: str | Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing_digest(root: str | Path) -> str:
    """A digest of which pictures a folder has: names, and the sizes of tars and indexes. Reads no picture."""
    digest = hashlib.sha256()
    with os.scandir(root) if root and Path(root).is_dir() else nullcontext(()) as entries:
        for name, size in sorted((e.name, e.stat().st_size if e.name.endswith((".tar", ".json")) else 0) for e in entries):
            digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]
