"""Which model it is: a digest of a model folder, or a hub id with its pinned revision.

Every byte of a folder counts: two merges of one base can have the same sizes, headers and last layers. Gigabytes are read
once; the digest of a large file is then kept in the user's cache, under its path, size, inode and times.
"""

import hashlib
import os
import re
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole, reading, sha256_of
from booruflow.core.jobs import WARNING
from booruflow.core.progress import progress

KEPT_BYTES = 16 << 20
"""The digests of files from this size on (weights) are kept; smaller ones are read again, which takes milliseconds."""
SHOWN_BYTES = 1 << 30
"""Reading a file of this size or more shows its progress."""
SETTLED_SECONDS = 2.0
"""The coarsest time stamps in use, those of FAT. A file that changed within this time may change again and keep its times."""
_CHUNK_BYTES = 8 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def model_identity(model: str, revision: str | None, section: str = "captioner") -> str:
    """The model's identity: `folder:<digest>`, or `<hub id>@<commit>`; error messages name the config section.

    Raises:
        UserError: no such folder, an empty one, or a hub id without a commit as its revision.
    """
    folder = Path(model)
    if folder.is_dir():
        return f"folder:{folder_digest(folder)}"
    if revision is None or not _HUB_ID.fullmatch(model):
        raise UserError(
            f"{section}.model: there is no folder {model}: correct the path"
            f" (for a model of the hub give its id, owner/name, and {section}.revision, a commit)"
        )
    if not _COMMIT.fullmatch(revision):
        raise UserError(
            f"{section}.revision: {revision!r} can change to other weights: give the commit of {model}, 40 hex digits"
        )
    return f"{model}@{revision}"


def local_folder(model: str, revision: str | None) -> str:
    """The folder of a model, for libraries that accept only a folder; a hub model is downloaded to the hub's cache."""
    if Path(model).is_dir():
        return model
    from huggingface_hub import snapshot_download

    return snapshot_download(model, revision=revision)


def folder_digest(folder: Path) -> str:
    """A digest (32 hex digits) of the files of a model folder: names, sizes, contents.

    Hidden files, caches and the folder's own path do not count.

    Raises:
        UserError: the folder holds no file, or a file cannot be read.
    """
    digest = hashlib.sha256()
    names = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
    )
    if not names:
        raise UserError(f"{folder}: this model folder is empty: put the model's files there")
    for name in names:
        path = folder / name
        with reading(path):
            line = f"\0{path.stat().st_size}\0{_content_digest(path)}\n"
        digest.update(os.fsencode(name.as_posix()) + line.encode())
    return digest.hexdigest()[:32]


def _content_digest(path: Path) -> str:
    """The sha256 of a file's bytes; of a large file that has not changed since, the one that was kept."""
    status = path.stat()
    if status.st_size < KEPT_BYTES:
        return sha256_of(path)
    kept = _kept_digest(path, status)
    if kept is not None and kept.is_file() and _DIGEST.fullmatch(digest := kept.read_text("ascii", "replace")):
        return digest
    digest = _read_digest(path, status.st_size)
    if kept is not None and kept == _kept_digest(path, path.stat()):
        try:
            with open_whole(kept) as file:
                file.write(digest.encode())
        except UserError as error:
            sys.stderr.write(f"{WARNING}{error}; until then {path} is read at each start\n")
    return digest


def _kept_digest(path: Path, status: os.stat_result) -> Path | None:
    """The file with the digest of a file in this state; None where the state does not tell a later change apart."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():  # as the XDG Base Directory Specification has it
        cache = Path(os.environ.get("HOME", ""), ".cache")
    if not cache.is_absolute() or time.time() - max(status.st_mtime, status.st_ctime) < SETTLED_SECONDS:
        return None
    state = os.path.realpath(path), status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
    return cache.joinpath("booruflow/model-files", hashlib.sha256(repr(state).encode()).hexdigest())


def _read_digest(path: Path, size: int) -> str:
    """The sha256 of a large file."""
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_CHUNK_BYTES))
    shown = progress(size, f"reading {path.name}", "bytes") if size >= SHOWN_BYTES else nullcontext()
    with path.open("rb", buffering=0) as file, shown as bar:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            if bar is not None:
                bar.update(count)
    return digest.hexdigest()
