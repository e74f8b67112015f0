"""The files below image folders. Snakemake imports this module; it imports no data libraries."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from booruflow.sources.images.names import EXTENSIONS

_LISTED = frozenset((*EXTENSIONS, "tar"))
_DIGEST_BYTES = 16


def files_below(folder: str, skip: Callable[[str], object]) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """The path below `folder` (with `/`) and the entry of everything in it and in its subfolders that is not a folder.

    Hidden files and folders (`.name`) are left out, and a folder to which several links lead is visited once. A folder that
    cannot be read is skipped, and `skip` called with a line that says so.
    """
    visited = set()
    waiting = [""]
    while waiting:
        below = waiting.pop()
        subfolders = []
        try:
            status = Path(folder, below).stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(f"{folder}/{below}") as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if _is_folder(entry):
                        subfolders.append(f"{below}{entry.name}/")
                    else:
                        yield below + entry.name, entry
        except OSError as error:
            skip(f"{folder}/{below}: folder cannot be read ({error.strerror})")
        waiting += sorted(subfolders, reverse=True)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def listing_digest(folders: Iterable[str]) -> str:
    """A digest of the name, size and time of change of each image, tar and index below image folders, 32 hex digits.

    It does not depend on the order in which the file system lists files, needs no memory for them, and never fails: what
    cannot be read is part of the digest.
    """
    digest = hashlib.sha256()
    for folder in folders:
        total = 0
        for line in _listing(folder):
            value = hashlib.blake2b(line.encode("utf-8", "surrogateescape"), digest_size=_DIGEST_BYTES).digest()
            total += int.from_bytes(value, "little")
        digest.update(b"%s\0%d\n" % (folder.encode("utf-8", "surrogateescape"), total))
    return digest.hexdigest()[:32]


def _listing(folder: str) -> Iterator[str]:
    """A line for each file that the listing of images depends on."""
    skipped: list[str] = []
    for name, entry in files_below(folder, skipped.append):
        extension = name.rpartition(".")[2].lower()
        if extension not in _LISTED:
            continue
        try:
            status = entry.stat()
        except OSError:  # a link to nothing
            yield name
            continue
        yield f"{name}\0{status.st_size}\0{status.st_mtime_ns}"
        if extension == "tar":
            try:
                status = Path(folder, f"{name[:-4]}.json").stat()
            except OSError:  # no index
                continue
            yield f"{name[:-4]}.json\0{status.st_size}\0{status.st_mtime_ns}"
    yield from skipped
