"""The journal of finished generations: what no crash, kill or change of settings takes away.

One file for each shard, `<n>_of_<N>.jsonl`, that only ever grows. A line is one finished generation:

    {"key": "<32 hex digits>", "id": 123, "text": ..., "finish_reason": ..., ...}

`key` is a digest of the id and of everything that determines the text (see `booruflow.captioning.caption`), so a line is right
for as long as its key is asked for, and another model, prompt or image asks for another key. A line that a kill
tore is ignored, wherever it stands.
"""

import contextlib
import fcntl
import math
import os
import re
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import orjson

from booruflow.core.errors import UserError

Entry = dict[str, Any]
_NAME = re.compile(r"(\d+)_of_(\d+)\.jsonl")


def files_for(folder: Path, shard: int, shards: int) -> list[Path]:
    """The journal files that can hold ids of shard `shard` of `shards` (`id % shards == shard`).

    Ids that leave `m` modulo `M` and `n` modulo `N` exist when `m` and `n` agree modulo gcd(M, N).
    """
    found = []
    for path in sorted(folder.glob("*_of_*.jsonl")):
        if name := _NAME.fullmatch(path.name):
            other, others = int(name[1]), int(name[2])
            if others > 0 and (other - shard) % math.gcd(others, shards) == 0:
                found.append(path)
    return found


class Index:
    """Where each finished generation stands: about 25 bytes an entry."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Scan the files once."""
        self.paths = list(paths)
        keys, files, offsets = bytearray(), array("H"), array("Q")
        for number, path in enumerate(self.paths):
            for offset, entry in entries(path):
                keys += bytes.fromhex(entry["key"])
                files.append(number)
                offsets.append(offset)
        self._keys = np.frombuffer(bytes(keys), dtype="V16").view("S16")
        order = np.argsort(self._keys, kind="stable")
        self._keys = self._keys[order]
        self._files = np.frombuffer(files, dtype=np.uint16)[order]
        self._offsets = np.frombuffer(offsets, dtype=np.uint64)[order]

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, keys: "np.ndarray[Any, Any]") -> "np.ndarray[Any, np.dtype[np.int64]]":
        """For an array of keys (dtype S16), where each one stands (for `read`), or -1."""
        if not len(self):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
        return np.where(self._keys[at] == keys, at, -1)

    def read(self, places: Iterable[int]) -> Iterator[Entry]:
        """The entries at these places; of a key journalled twice, the first."""
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(path.open("rb")) for path in self.paths]
            for place in places:
                file = files[self._files[place]]
                file.seek(int(self._offsets[place]))
                yield orjson.loads(file.readline())


def entries(path: Path) -> Iterator[tuple[int, Entry]]:
    """The offset and the content of each whole line."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            with contextlib.suppress(orjson.JSONDecodeError):  # torn by a kill: that generation is made again
                yield offset, orjson.loads(line)
            offset += len(line)


class Journal:
    """One shard's own journal file, open for appending by one job alone; use it as a context manager."""

    def __init__(self, folder: Path, shard: int, shards: int) -> None:
        """Open and lock the file; mend the end that a kill left torn.

        Raises:
            UserError: another live job is appending to it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{shard}_of_{shards}.jsonl"
        self._file = self.path.open("ab+", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise UserError(
                f"{self.path}: another running job is captioning shard {shard} of {shards}: wait for it or stop it"
            ) from None
        if self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, entries: Iterable[Entry]) -> None:
        """Write the entries, and return when they are on the disk.

        Raises:
            UserError: the disk is full or gone.
        """
        rest = memoryview(b"".join(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in entries))
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be written ({os.strerror(error.errno or 0)}): free space and run again"
            ) from error
