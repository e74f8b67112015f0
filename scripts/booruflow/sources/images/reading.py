"""The bytes of an image, loose or in a tar."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from booruflow.core.errors import Unreadable, UserError

_EDGE = 32 << 10
"""Bytes at the start and at the end of an image that its fingerprint covers."""


def read_image(root: str | Path, file: str, offset: int | None = None, size: int | None = None) -> bytes:
    """The bytes of an image.

    Raises:
        Unreadable: it does not exist, is empty, or is cut off by the end of its tar.
        UserError: the image folder does not exist, or the disk or the permissions prevent reading.
    """
    with open_at(root, file, offset) as stream:
        data = stream.read(-1 if size is None else size)
    if not data:
        raise Unreadable("empty file")
    if size is not None and len(data) < size:
        raise Unreadable(f"cut off by the end of {file}")
    return data


def fingerprint(root: str | Path, file: str, offset: int | None = None, size: int | None = None) -> str:
    """A digest that tells whether an image has changed: 32 hex digits.

    It covers the size and the first and last 32 KiB, so that half a million images are checked in a minute or two, and does
    not depend on where the image is.

    Raises:
        Unreadable, UserError: as `read_image`.
    """
    with open_at(root, file, offset) as stream:
        start = stream.tell()
        length = os.fstat(stream.fileno()).st_size if size is None else size
        digest = hashlib.sha256(b"%d\0" % length + stream.read(min(_EDGE, length)))
        stream.seek(start + max(length - _EDGE, 0))
        digest.update(stream.read(min(_EDGE, length)))
    return digest.hexdigest()[:32]


@contextmanager
def open_at(root: str | Path, file: str, offset: int | None) -> Iterator[IO[bytes]]:
    """Open `file` below `root`, unbuffered, at `offset`.

    Raises:
        Unreadable, UserError: as `read_image`, also for reading within the block.
    """
    path = Path(root, file)
    try:
        with path.open("rb", buffering=0) as stream:
            stream.seek(offset or 0)
            yield stream
    except FileNotFoundError as error:
        if not Path(root).is_dir():
            raise UserError(f"{root}: no such image folder: is the drive mounted?") from error
        raise Unreadable("no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): repair or remove the file") from error
