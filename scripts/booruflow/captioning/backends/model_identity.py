"""Which model it is: a digest of a model folder, or a hub id with its pinned revision."""

import hashlib
import re
from pathlib import Path

from booruflow.core.errors import UserError
from booruflow.core.files import sha256_of

WHOLE_FILE_BYTES = 16 << 20
"""Files up to this size are hashed whole; of larger ones (weights) the size and both ends are hashed."""
END_BYTES = 1 << 20
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
        UserError: the folder holds no file.
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
        digest.update(f"{name.as_posix()}\0{path.stat().st_size}\0{_content_digest(path)}\n".encode())
    return digest.hexdigest()[:32]


def _content_digest(path: Path) -> str:
    """The sha256 of a small file, or of the two ends of a large one."""
    size = path.stat().st_size
    if size <= WHOLE_FILE_BYTES:
        return sha256_of(path)
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(END_BYTES))
        file.seek(size - END_BYTES)
        digest.update(file.read(END_BYTES))
    return digest.hexdigest()
