"""Tars of records: the image of a post, its texts as lines, and its JSON, one after the other."""

import hashlib
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from tarfile import BLOCKSIZE, RECORDSIZE
from typing import BinaryIO, NamedTuple

import orjson

from booruflow.core.errors import UserError
from booruflow.core.files import flush_to_disk, writing
from booruflow.exports.images import How, OpenTars, Source, image_of
from booruflow.products.tar_index import read_index, write_index


class Record(NamedTuple):
    """One post: its image and its texts."""

    source: Source
    texts: list[str]


def record_key(records: Sequence[Record], how: How, extension: str) -> str:
    """A digest of all that determines a tar: the texts, the images with size and time of their files, how they are written."""
    states: dict[str, str] = {}
    digest = hashlib.blake2b(f"{how.way}\0{how.encode}\0{extension}".encode(), digest_size=12)
    for source, texts in records:
        if source.path not in states:
            try:
                status = os.stat(source.path)  # noqa: PTH116 (for a hundred thousand images)
            except OSError as error:
                raise UserError(f"{source.path}: cannot be read ({error.strerror}): restore the image and run again") from error
            states = {source.path: f"{status.st_size} {status.st_mtime_ns}"}  # of the last file only
        digest.update(orjson.dumps([*source, texts, states[source.path]]) + b"\n")
    return digest.hexdigest()


def write_record_tar(path: Path, records: Sequence[Record], how: How, extension: str) -> tuple[int, str]:
    """Write a tar and its index; return its size and sha256.

    It is plain ustar with mtime 0, mode 0644 and no owners, as `booruflow.products.tars` writes it. In the index the image of a
    record has `width`, `height` and `captions` as well.

    Raises:
        UserError: an image cannot be read, or the tar not be written.
    """
    entries = bytearray()
    with writing(path), path.open("wb") as file, OpenTars() as tars:
        for source, texts in records:
            data, width, height = image_of(source, how, tars)
            sizes = {"width": width, "height": height}
            _add(file, entries, f"{source.id}.{extension}", data, {**sizes, "captions": texts})
            _add(file, entries, f"{source.id}.txt", "\n".join(texts).encode(), {})
            _add(file, entries, f"{source.id}.json", orjson.dumps({"id": source.id, "texts": texts, **sizes}), {})
        end = file.tell() + 2 * BLOCKSIZE
        file.write(bytes(2 * BLOCKSIZE + -end % RECORDSIZE))
    flush_to_disk(path)
    write_index(path, bytes(entries))
    return path.stat().st_size, read_index(path)["hash_lfs"]


def _add(file: BinaryIO, entries: bytearray, name: str, data: bytes | memoryview, more: dict[str, object]) -> None:
    """Append a member, and its entry for the index."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    file.write(member.tobuf(tarfile.USTAR_FORMAT))
    offset = file.tell()
    file.write(data)
    file.write(bytes(-len(data) % BLOCKSIZE))
    entry = {"offset": offset, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), **more}
    entries += b', "%s": %s' % (name.encode(), orjson.dumps(entry))
