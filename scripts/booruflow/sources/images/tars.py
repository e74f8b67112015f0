"""The members of a tar, from the index beside it or from the tar's own headers."""

import tarfile
from pathlib import Path

import orjson

from booruflow.core.errors import UserError

Members = dict[str, dict[str, int]]
"""For each member's name, the `offset` and `size` of its bytes in the tar."""


def tar_members(tar: Path) -> Members:
    """The regular files in a tar.

    They are read from the index beside the tar (`0123.json` for `0123.tar`, as `hfutils.index.tar_create_index` writes it). If
    there is none, the tar's headers are scanned.

    Raises:
        UserError: the index is invalid or belongs to another tar; or as `scan_tar`.
    """
    index = tar.with_suffix(".json")
    if not index.exists():
        return scan_tar(tar)
    try:
        content = orjson.loads(index.read_bytes())
        members: Members = content["files"]
        tar_size = content["filesize"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{index}: not the index of a tar ({error!r}): remove it, and the tar itself is read") from error
    if tar_size != tar.stat().st_size:
        raise UserError(f"{index}: for a tar of {tar_size} bytes, but {tar.name} has {tar.stat().st_size}: remove the index")
    return members


def scan_tar(tar: Path) -> Members:
    """The regular files in a tar, from its headers (ustar, GNU and pax).

    Raises:
        UserError: not a tar, truncated, or broken in the middle.
    """
    members = {}
    try:
        with tarfile.open(tar, "r:") as archive:
            while member := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep them all, at 1 kB each
                if member.isreg():
                    members[member.name] = {"offset": member.offset_data, "size": member.size}
            end = archive.offset
        # tarfile takes a broken header for the end of the tar
        with tar.open("rb") as file:
            file.seek(end)
            if any(file.read(tarfile.BLOCKSIZE)):
                raise UserError(f"{tar}: broken at byte {end}: download or pack it again")
    except tarfile.TarError as error:
        raise UserError(f"{tar}: not a complete tar ({error}): download or pack it again") from error
    return members
