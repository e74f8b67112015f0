"""Atomic files, of which a reader sees the old one or the whole new one, never a part; and locks on files.

Errors of the operating system become one-line errors that name the file.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from booruflow.core.errors import UserError

LOCK_FOLDER = "BOORUFLOW_LOCKS"
"""Environment variable: the folder of all locks, for file systems that have none."""


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn an error of the operating system in the block, such as a full disk, into a one-line UserError that names `path`."""
    with _os_errors(path, "written", "free space or fix the path"):
        yield


@contextmanager
def reading(path: str | Path, remedy: str = "fix the path or fetch the file again") -> Iterator[None]:
    """Like `writing`, for a block that opens and reads `path`."""
    with _os_errors(path, "read", remedy):
        yield


@contextmanager
def _os_errors(path: str | Path, action: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:  # raised by a library, not by the operating system
            raise
        raise UserError(f"{path}: cannot be {action} ({os.strerror(error.errno)}): {remedy}") from error


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; at the end of the block flush it and rename it to `path`, both to the disk.

    When the block raises, the temporary file is removed and an older file at `path` stays as it was. The temporary name
    is `.<name>.part`: a killed writer leaves it behind, and the next one overwrites it.

    Raises:
        UserError: the disk is full or the folder cannot be written; the message names the file.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            flush_to_disk(part)
            part.replace(path)
            sync_folder(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@contextmanager
def open_whole(path: str | Path) -> Iterator[BinaryIO]:
    """Like `written_whole`, with the temporary file already open for writing bytes."""
    with written_whole(path) as part, part.open("wb") as file:
        yield file


def flush_to_disk(path: Path) -> None:
    """Wait until a closed file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk: without this a rename can be lost when the power fails."""
    if os.name != "posix":  # Windows opens no folders
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems do not sync folders
            raise
    finally:
        os.close(folder)


@contextmanager
def open_input(path: str | Path, remedy: str = "fix the path or fetch the file again") -> Iterator[BufferedReader]:
    """Open a file for reading bytes; `remedy` ends the error if that fails.

    Raises:
        UserError: it cannot be opened or, within the block, read. Raised inside `written_whole`, it still names the input.
    """
    with reading(path, remedy), Path(path).open("rb") as file:
        yield file


def read_json(path: str | Path, remedy: str = "delete it and run `snakemake`, which builds it again") -> Any:  # noqa: ANN401
    """The content of a small JSON file.

    Raises:
        UserError: it cannot be read, or is not JSON.
    """
    with open_input(path, remedy) as file:
        try:
            return json.loads(file.read())
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: damaged: {remedy}") from error


def spool_beside(path: str | Path, name: str = "spool") -> Path:
    """A folder for temporary files of an external sort, on the same disk as the product `path`."""
    path = Path(path)
    return path.with_name(f".{path.name}.{name}")


def sha256_of(path: str | Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with reading(path), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock_path(path: Path) -> Path:
    """The file on which to lock `path`: itself, or one for it in the folder that `BOORUFLOW_LOCKS` names."""
    folder = os.environ.get(LOCK_FOLDER)
    return Path(folder, f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.lock") if folder else path


def take_lock(path: Path, mode: int = 0o666) -> int | None:
    """An exclusive lock on a file, which is created if missing: its descriptor, or None while another process holds it.

    It is freed when the descriptor is closed or the process ends, however it ends. A link is not followed, and programs that
    this process starts do not inherit the lock.

    Raises:
        UserError: the file cannot be opened, or its file system has no locks, as Lustre without the mount option flock.
    """
    import fcntl  # not at the top: Windows has no fcntl, and most rules need no lock

    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise UserError(
            f"{path}: no lock on this file system ({os.strerror(error.errno or 0)}): mount it with locks (Lustre: -o flock),"
            f" or set the environment variable {LOCK_FOLDER} to a folder on another one, such as a local disk"
        ) from error
    return descriptor
