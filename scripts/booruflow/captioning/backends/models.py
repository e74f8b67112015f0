"""Which model it is: a fingerprint of a model folder, or a hub id with its pinned revision."""

import hashlib
import re
from pathlib import Path

from booruflow.core.errors import UserError
from booruflow.core.files import sha256_of

WHOLE = 16 << 20
"""Files up to so many bytes are hashed whole; of larger ones (weights) the size and both ends count."""
END = 1 << 20

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def identify(model: str, revision: str | None, section: str = "captioner") -> str:
    """The model's identity: `folder:<fingerprint>`, or `<hub id>@<commit>`; `section` of the config names it in errors.

    Raises:
        UserError: no such folder, an empty one, or a hub id without a commit as its revision.
    """
    folder = Path(model)
    if folder.is_dir():
        return f"folder:{fingerprint(folder)}"
    if revision is None or not _HUB_ID.fullmatch(model):
        raise UserError(
            f"{section}.model: there is no folder {model}: mend the path"
            f" (for a model of the hub give its id, owner/name, and {section}.revision, a commit)"
        )
    if not _COMMIT.fullmatch(revision):
        raise UserError(f"{section}.revision: {revision!r} can move to other weights: give the commit of {model}, 40 hex digits")
    return f"{model}@{revision}"


def local_folder(model: str, revision: str | None) -> str:
    """The folder of a model, for programs that take nothing else; a model of the hub is downloaded to its cache."""
    if Path(model).is_dir():
        return model
    from huggingface_hub import snapshot_download

    return snapshot_download(model, revision=revision)


def fingerprint(folder: Path) -> str:
    """A digest (32 hex digits) of the files of a model folder: names, sizes, contents.

    Hidden files and caches do not count. Where the folder lies does not count either.

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
        digest.update(f"{name.as_posix()}\0{path.stat().st_size}\0{_content(path)}\n".encode())
    return digest.hexdigest()[:32]


def _content(path: Path) -> str:
    """The sha256 of a small file, or of the two ends of a large one."""
    size = path.stat().st_size
    if size <= WHOLE:
        return sha256_of(path)
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(END))
        file.seek(size - END)
        digest.update(file.read(END))
    return digest.hexdigest()
