"""The index `0000.json` beside each tar, byte for byte as `hfutils.index.tar_create_index` writes it.

It holds the size and hashes of the tar, and of each member the offset and size of its content and its sha256.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import open_input, writing
from booruflow.core.idjson import Ints

READ_BYTES = 1 << 20
"""Bytes hashed at a time."""


def index_path(tar: Path) -> Path:
    """Where the index of a tar lies."""
    return tar.with_suffix(".json")


def read_index(tar: Path) -> dict[str, Any]:
    """The index of a tar: `filesize`, `hash`, `hash_lfs`, and `files` by member name.

    Raises:
        UserError: it is missing or damaged.
    """
    path = index_path(tar)
    with open_input(path) as file, suppress(orjson.JSONDecodeError):
        index = orjson.loads(file.read())
        if isinstance(index, dict) and isinstance(index.get("hash_lfs"), str) and isinstance(index.get("files"), dict):
            return index
    raise UserError(f"{path}: damaged: delete it and run `snakemake` again")


def index_entries(ids: Ints, suffix: str, offsets: Ints, sizes: Ints, digests: Sequence[str]) -> pl.Series:
    """The entries of members `<id>.<suffix>` as JSON text in the style of json.dump, each after a comma and a space."""
    columns = pl.DataFrame(
        {"id": ids, "offset": offsets, "size": sizes, "sha256": digests}, schema_overrides={"sha256": pl.String}
    )
    text = pl.format(f', "{{}}.{suffix}": {{{{"offset": {{}}, "size": {{}}, "sha256": "{{}}"}}}}', *columns.columns)
    return columns.select(text).to_series()


def write_index(tar: Path, entries: bytes) -> None:
    """Write the index of a complete tar; `entries` are those of `index_entries`."""
    size = tar.stat().st_size
    git_blob, sha256 = hashlib.sha1(b"blob %d\0" % size), hashlib.sha256()
    with tar.open("rb", buffering=0) as file:
        while data := file.read(READ_BYTES):
            git_blob.update(data)
            sha256.update(data)
    path = index_path(tar)
    head = b'{"filesize": %d, "hash": "%s", "hash_lfs": "%s", "files": {'
    with writing(path), path.open("wb") as file:
        file.write(head % (size, git_blob.hexdigest().encode(), sha256.hexdigest().encode()))
        file.write(entries.removeprefix(b", "))
        file.write(b"}}")
