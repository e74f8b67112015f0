"""The bytes of an image, loose or in a tar.

An image is named by the path of its file; if that is a tar, also by the `offset` and `size` of its bytes there.
"""

import errno
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from booruflow.core.errors import Unreadable, UserError

_EDGE = 32 << 10
"""Bytes at the start and at the end of an image that its fingerprint covers."""

_MAX_BYTES = 1 << 30
"""No image is larger; such a file is not read into memory."""

_FAULTS_OF_A_FILE = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENXIO)
"""What does not end the run: other files of the folder can be read. A failing disk or network does end it."""


class OpenImage(NamedTuple):
    """An open file, and where the bytes of an image are in it."""

    file: int
    start: int
    length: int

    def read(self, at: int, count: int) -> bytes:
        """At most `count` bytes of the image, from its byte `at` on."""
        return os.pread(self.file, max(min(count, self.length - at), 0), self.start + at)


def read_image(path: str, offset: int | None = None, size: int | None = None) -> bytes:
    """The bytes of an image.

    Raises:
        Unreadable: it does not exist, is no regular file, is empty, larger than 1 GiB, or may not be read.
        UserError: its folder does not exist, the disk prevents reading, or there is no such member in the tar.
    """
    with open_image_file(path, offset, size) as image:
        if image.length > _MAX_BYTES:
            raise Unreadable(f"{image.length:,} bytes")
        data = image.read(0, image.length)
    if not data:
        raise Unreadable("empty file")
    if len(data) < image.length:
        raise Unreadable(f"cut off by the end of {Path(path).name}")
    return data


def fingerprint(path: str, offset: int | None = None, size: int | None = None) -> str:
    """A digest that tells whether an image has changed: 32 hex digits.

    It covers the size and the first and last 32 KiB, so that half a million images are checked in a minute or two, and does
    not depend on where the image is.

    Raises:
        Unreadable, UserError: as `read_image`.
    """
    with open_image_file(path, offset, size) as image:
        digest = hashlib.sha256(b"%d\0" % image.length + image.read(0, _EDGE))
        digest.update(image.read(max(image.length - _EDGE, 0), _EDGE))
    return digest.hexdigest()[:32]


@contextmanager
def open_image_file(path: str, offset: int | None = None, size: int | None = None) -> Iterator[OpenImage]:
    """Open the file of an image.

    Raises:
        Unreadable, UserError: as `read_image`, also for reading within the block.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # without it, opening a pipe would wait for its writer
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("not a regular file")
            if offset is None or size is None:
                yield OpenImage(file, 0, status.st_size)
            else:
                _require_member(file, path, offset, size)
                yield OpenImage(file, offset, size)
        finally:
            os.close(file)
    except OSError as error:
        folder = Path(path).parent
        if not folder.is_dir():
            raise UserError(f"{folder}: no such image folder: is the drive mounted?") from error
        if error.errno in _FAULTS_OF_A_FILE and offset is None:
            raise Unreadable(os.strerror(error.errno).lower()) from error
        raise UserError(f"{path}: cannot be read ({error.strerror}): repair or remove the file") from error


def _require_member(file: int, path: str, offset: int, size: int) -> None:
    """Check that a member of a tar is where its index says: its header ends where the content begins."""
    try:
        member = tarfile.TarInfo.frombuf(
            os.pread(file, tarfile.BLOCKSIZE, offset - tarfile.BLOCKSIZE), "utf-8", "surrogateescape"
        )
    except (tarfile.HeaderError, ValueError):
        member = None
    if member is None or member.size != size:
        raise UserError(f"{path}: no member of {size:,} bytes at byte {offset:,}: remove its index and run again")
