"""Small files of text, one beside each image."""

import hashlib
import os
from collections.abc import Sequence

from booruflow.core.errors import UserError
from booruflow.exports.interface import DATA, Export
from booruflow.products.file_list import Listed


def write_sidecars(export: Export, files: Sequence[str], texts: Sequence[str], extension: str) -> None:
    """Write each text to the place of its image, with another extension.

    Args:
        export: what is being written.
        files: the images below the data folder.
        texts: of each image.
        extension: such as ".txt".

    Raises:
        UserError: a file cannot be written.
    """
    folders = set()
    for file, text in zip(files, texts, strict=True):
        name = f"{DATA}/{os.path.splitext(file)[0]}{extension}"  # noqa: PTH122 (for a hundred thousand files)
        path, data = f"{export.folder}/{name}", text.encode()
        try:
            if "/" in file and (folder := path.rpartition("/")[0]) not in folders:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                folders.add(folder)
            target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                os.write(target, data)
            finally:
                os.close(target)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}): free space or fix the path") from error
        export.add(Listed(len(data), hashlib.sha256(data).hexdigest(), name))
