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
from typing import IO

from booruflow.core.errors import Unreadable, UserError

_EDGE = 32 << 10
"""Bytes at the start and at the end of an image that its fingerprint covers."""

_MAX_BYTES = 1 << 30
"""No image is larger; such a file is not read into memory."""

_FAULTS_OF_A_FILE = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENXIO)
"""What does not end the run: other files of the folder can be read. A failing disk or network does end it."""


def read_image(path: str, offset: int | None = None, size: int | None = None) -> bytes:
    """The bytes of an image.

    Raises:
        Unreadable: it does not exist, is no regular file, is empty, larger than 1 GiB, or may not be read.
        UserError: its folder does not exist, the disk prevents reading, or there is no such member in the tar.
    """
    with open_at(path, offset, size) as (stream, length):
        if length > _MAX_BYTES:
            raise Unreadable(f"{length:,} bytes")
        data = stream.read(length)
    if not data:
        raise Unreadable("empty file")
    if len(data) < length:
        raise Unreadable(f"cut off by the end of {Path(path).name}")
    return data


def fingerprint(path: str, offset: int | None = None, size: int | None = None) -> str:
    """A digest that tells whether an image has changed: 32 hex digits.

    It covers the size and the first and last 32 KiB, so that half a million images are checked in a minute or two, and does
    not depend on where the image is.

    Raises:
        Unreadable, UserError: as `read_image`.
    """
    with open_at(path, offset, size) as (stream, length):
        start = stream.tell()
        digest = hashlib.sha256(b"%d\0" % length + stream.read(min(_EDGE, length)))
        stream.seek(start + max(length - _EDGE, 0))
        digest.update(stream.read(min(_EDGE, length)))
    return digest.hexdigest()[:32]


@contextmanager
def open_at(path: str, offset: int | None = None, size: int | None = None) -> Iterator[tuple[IO[bytes], int]]:
    """Open the file of an image, unbuffered, at the image's first byte; also gives the number of its bytes.

    Raises:
        Unreadable, UserError: as `read_image`, also for reading within the block.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a pipe would wait for its writer
            raise Unreadable("not a regular file")
        with Path(path).open("rb", buffering=0) as stream:
            if offset is None or size is None:
                yield stream, os.fstat(stream.fileno()).st_size
            else:
                _seek_member(stream, path, offset, size)
                yield stream, size
    except OSError as error:
        folder = Path(path).parent
        if not folder.is_dir():
            raise UserError(f"{folder}: no such image folder: is the drive mounted?") from error
        if error.errno in _FAULTS_OF_A_FILE and offset is None:
            raise Unreadable(os.strerror(error.errno).lower()) from error
        raise UserError(f"{path}: cannot be read ({error.strerror}): repair or remove the file") from error


def _seek_member(stream: IO[bytes], path: str, offset: int, size: int) -> None:
    """Go to a member of a tar, checked by its header, which ends where the content begins."""
    try:
        stream.seek(offset - tarfile.BLOCKSIZE)
        member = tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        member = None
    if member is None or member.size != size:
        raise UserError(f"{path}: no member of {size:,} bytes at byte {offset:,}: remove its index and run again")
