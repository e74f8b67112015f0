"""files.tsv of an export: all its files, and whether they are there as they were written.

A line is `size <tab> sha256 <tab> path`, the path below the folder of the list; of a link `0 <tab> link to TARGET <tab> path`.
Loaded by Snakemake's own process, so it imports no data libraries.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from booruflow.core.files import open_input, sha256_of, writing

FILE_LIST = "files.tsv"
LEDGER = ".written.tsv"
"""What a job has written so far, see `booruflow.exports.ledger`; without it everything is written again."""

EARLIER = ".files.earlier.tsv"
"""The list of the files that the last whole run wrote, for the next one: Snakemake removes the list itself before the job."""

LINK = "link to "


class Listed(NamedTuple):
    """A line of a list."""

    size: int
    digest: str
    path: str

    def line(self) -> bytes:
        """As it stands in the file."""
        return f"{self.size}\t{self.digest}\t{self.path}\n".encode("utf-8", "surrogateescape")


def is_file_list(path: str) -> bool:
    """Whether a product is the list of the files of an export."""
    return path.endswith(f"/{FILE_LIST}")


def read_file_list(path: str | Path) -> Iterator[Listed]:
    """The lines of a list; of one that was cut or changed those that can be read."""
    with open_input(path) as file:
        for line in file:
            fields = line.decode("utf-8", "surrogateescape").rstrip("\n").split("\t")
            if len(fields) == 3 and fields[0].isdecimal():
                yield Listed(int(fields[0]), fields[1], fields[2])


def first_changed(path: str, *, content: bool) -> str | None:
    """The first listed file that is not as it was written, and what is wrong with it; None if all are.

    Args:
        path: of the list.
        content: compare the sha256 of each file as well, not only its size.
    """
    folder = os.path.dirname(path)  # noqa: PTH120 (for a hundred thousand files)
    for size, digest, name in read_file_list(path):
        file = f"{folder}/{name}"
        try:
            if digest.startswith(LINK):
                right = os.readlink(file) == digest.removeprefix(LINK)  # noqa: PTH115
            else:
                right = os.lstat(file).st_size == size and not (content and sha256_of(file) != digest)
        except OSError:
            return f"{name}, which is missing"
        if not right:
            return f"{name}, which has changed"
    return None


def remove_listed(path: Path) -> None:
    """Remove the files on a list and the records of them, and the folders that held nothing else; the list itself stays."""
    folder = path.parent
    files = [folder / LEDGER, folder / EARLIER, *(folder / listed.path for listed in read_file_list(path))]
    for file in files:
        with writing(file):
            file.unlink(missing_ok=True)
    folders = {parent for file in files for parent in file.parents if parent.is_relative_to(folder) and parent != folder}
    for parent in sorted(folders, reverse=True):
        with suppress(OSError):  # it holds other files, or was never there
            parent.rmdir()
