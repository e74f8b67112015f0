"""A writer for files of many gigabytes, past the page cache."""

import errno
import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, Self

O_DIRECT = getattr(os, "O_DIRECT", 0)
"""The flag of `os.open`; 0 where the system has none."""


class Writer(Protocol):
    """Anything that bytes can be written to."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Write all of `data`."""


class DirectWriter:
    """Writes past the page cache (O_DIRECT), which a large file that no job reads would only fill.

    With normal writes of meta_lat the chain of 500,000 posts takes 9 to 10% longer (benchmarks/chain.py, medians of three).
    A thread writes one block while the next one is filled. On a file system that refuses direct I/O, when the file is opened
    or at a write, it writes normally.
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
            self._file = os.open(path, flags | O_DIRECT, 0o666)
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
        try:
            data = data[os.write(file, data) :]
        except OSError as error:
            if error.errno != errno.EINVAL or not _leave_direct_io(file):
                raise


def _leave_direct_io(file: int) -> bool:
    """Let the next writes go through the page cache; False if they do already."""
    if not O_DIRECT:
        return False
    import fcntl  # not at the top: Windows has neither

    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    if not flags & O_DIRECT:
        return False
    fcntl.fcntl(file, fcntl.F_SETFL, flags & ~O_DIRECT)
    return True
