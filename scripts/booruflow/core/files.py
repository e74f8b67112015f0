"""Writing files so that a reader sees the old one or the whole new one, never a half."""

import errno
import hashlib
import mmap
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from booruflow.core.errors import UserError


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


class Writer(Protocol):
    """Where bytes can be written."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Write all of `data`."""


class SentFile:
    """Sends to the disk what is written while more is made, so that nobody waits for it at the end.

    The system keeps what was written in its cache for who reads it next.
    """

    STRETCH = 16 << 20

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = self._sent = 0

    def write(self, data: bytes | memoryview) -> None:
        """Write all of `data`."""
        self._written += self._file.write(data)
        if self._written - self._sent >= self.STRETCH:
            self._file.flush()
            send(self._file, self._sent, self._written - self._sent)
            self._sent = self._written


class PassingFile:
    """Writes past the system's cache, which a product of many gigabytes that no job reads would only fill.

    A thread writes while more is made. Where the disk knows no direct writing, the file is written like any other.
    """

    BLOCK = 4 << 20
    """Bytes of one write: a multiple of all disks' sectors, as direct writing asks for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks = [mmap.mmap(-1, self.BLOCK) for _ in range(2)]  # on page borders, as direct writing asks for
        self._held = 0
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        try:
            self._file = os.open(path, flags | getattr(os, "O_DIRECT", 0), 0o666)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._file = os.open(path, flags, 0o666)

    def write(self, data: bytes | memoryview) -> None:
        """Write all of `data`."""
        rest = memoryview(data)
        while rest:
            taken = rest[: self.BLOCK - self._held]
            self._blocks[0][self._held : self._held + len(taken)] = taken
            self._held += len(taken)
            rest = rest[len(taken) :]
            if self._held == self.BLOCK:
                self._wait()
                self._writing = self._thread.submit(_write_all, self._file, memoryview(self._blocks[0]))
                self._blocks.reverse()
                self._held = 0

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            with self._thread:
                self._wait()
        finally:
            os.close(self._file)
        with self._path.open("ab") as file:
            file.write(self._blocks[0][: self._held])


def _write_all(file: int, data: memoryview) -> None:
    while data:
        data = data[os.write(file, data) :]


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
