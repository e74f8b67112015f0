"""The members of a tar, from the index beside it or from the tar's own headers."""

import tarfile
from pathlib import Path

import orjson

from booruflow.core.errors import UserError, json_fault
from booruflow.core.files import reading

Members = dict[str, dict[str, int]]
"""For each member's name, the `offset` and `size` of its bytes in the tar."""


def tar_members(tar: Path) -> Members:
    """The regular files in a tar.

    They are read from the index beside the tar (`0123.json` for `0123.tar`, as `hfutils.index.tar_create_index` writes it). If
    there is none, the tar's headers are scanned.

    Raises:
        UserError: the index is invalid or does not fit the tar; or as `scan_tar`.
    """
    index = tar.with_suffix(".json")
    if not index.is_file():
        return scan_tar(tar)
    with reading(index):
        text, tar_size = index.read_bytes(), tar.stat().st_size
    try:
        content = orjson.loads(text)
        members: Members = {name: {"offset": place["offset"], "size": place["size"]} for name, place in content["files"].items()}
        indexed_size = content["filesize"]
    except orjson.JSONDecodeError as error:
        raise UserError(f"{index}: not valid JSON ({json_fault(error)}): remove it, and the tar itself is read") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{index}: not the index of a tar ({error!r}): remove it, and the tar itself is read") from error
    if indexed_size != tar_size:
        raise UserError(f"{index}: for a tar of {indexed_size} bytes, but {tar.name} has {tar_size}: remove the index")
    for name, place in members.items():
        offset, size = place["offset"], place["size"]
        if type(offset) is not int or type(size) is not int or offset < tarfile.BLOCKSIZE or not 0 <= size <= tar_size - offset:
            where = f"offset {offset!r}, size {size!r}, in a tar of {tar_size} bytes"
            raise UserError(f"{index}: member {name!r}: {where}: remove the index")
    return members


def scan_tar(tar: Path) -> Members:
    """The regular files in a tar, from its headers (ustar, GNU and pax).

    Raises:
        UserError: not a tar, truncated, or broken in the middle.
    """
    members = {}
    try:
        with reading(tar), tarfile.open(tar, "r:") as archive:
            while member := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep them all, at 1 kB each
                if member.isreg() and not member.issparse():
                    members[member.name] = {"offset": member.offset_data, "size": member.size}
            end = archive.offset
        # tarfile takes a broken header for the end of the tar
        with reading(tar), tar.open("rb") as file:
            file.seek(end)
            if any(file.read(tarfile.BLOCKSIZE)):
                raise UserError(f"{tar}: broken at byte {end}: download or pack it again")
    except (tarfile.TarError, ValueError) as error:  # of numbers in headers
        raise UserError(f"{tar}: not a complete tar ({error}): download or pack it again") from error
    return members
