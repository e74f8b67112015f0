"""Writers for large files that bypass or relieve the page cache. Where the system lacks the calls, they write as usual."""

import errno
import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Protocol, Self


class Writer(Protocol):
    """Anything that bytes can be written to."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Write all of `data`."""


class WritebackWriter:
    """Starts writeback to the disk every `STRETCH` bytes, so that the final fsync has little left to wait for."""

    STRETCH = 16 << 20

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = self._started = 0

    def write(self, data: bytes | memoryview) -> None:
        """Write all of `data`."""
        self._written += self._file.write(data)
        if self._written - self._started >= self.STRETCH:
            self._file.flush()
            start_writeback(self._file, self._started, self._written - self._started)
            self._started = self._written


class DirectWriter:
    """Writes past the page cache (O_DIRECT), which a file of many gigabytes that no job reads would only fill.

    A thread writes one block while the next one is filled. On a file system without direct I/O it writes normally.
    """

    BLOCK = 4 << 20
    """Bytes of one write; O_DIRECT wants a multiple of the disk's sector size."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks = [mmap.mmap(-1, self.BLOCK) for _ in range(2)]  # page-aligned, as O_DIRECT wants
        self._filled = 0
        self._thread = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None
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
            chunk = rest[: self.BLOCK - self._filled]
            self._blocks[0][self._filled : self._filled + len(chunk)] = chunk
            self._filled += len(chunk)
            rest = rest[len(chunk) :]
            if self._filled == self.BLOCK:
                self._wait()
                self._pending = self._thread.submit(_write_all, self._file, memoryview(self._blocks[0]))
                self._blocks.reverse()
                self._filled = 0

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            with self._thread:
                self._wait()
        finally:
            os.close(self._file)
        with self._path.open("ab") as file:  # the rest is not a whole block, which O_DIRECT would refuse
            file.write(self._blocks[0][: self._filled])


def _write_all(file: int, data: memoryview) -> None:
    while data:
        data = data[os.write(file, data) :]


def start_writeback(file: BinaryIO, start: int = 0, length: int = 0) -> None:
    """Start to write part of a file to the disk (length 0: to its end); drop from the page cache what is on the disk already."""
    if hasattr(os, "posix_fadvise"):  # not on macOS and Windows
        os.posix_fadvise(file.fileno(), start, length, os.POSIX_FADV_DONTNEED)
