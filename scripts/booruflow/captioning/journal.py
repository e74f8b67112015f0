"""The journal of finished generations, which survives crashes, kills and changes of settings.

One file per shard, `<n>_of_<N>.jsonl`, which is only appended to. A line is one finished generation:

    {"key": "<32 hex digits>", "id": 123, "text": ..., "finish_reason": ..., ...}

`key` is a digest of the id and of everything that determines the text (see `booruflow.captioning.planning`): a line is valid
wherever its key is looked up, and another model, prompt or image looks up another key. A line that was cut off by a
kill is ignored, wherever it is.
"""

import contextlib
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
from booruflow.core.files import lock_path, take_lock

Entry = dict[str, Any]
_FILE_NAME = re.compile(r"(\d+)_of_(\d+)\.jsonl")


def journal_files(folder: Path, shard: int, shards: int) -> list[Path]:
    """The journal files that can hold ids of shard `shard` of `shards` (`id % shards == shard`).

    An id with id % M == m and id % N == n exists if m and n are equal modulo gcd(M, N).
    """
    files = []
    for path in sorted(folder.glob("*_of_*.jsonl")):
        if match := _FILE_NAME.fullmatch(path.name):
            file_shard, file_shards = int(match[1]), int(match[2])
            if file_shards > 0 and (file_shard - shard) % math.gcd(file_shards, shards) == 0:
                files.append(path)
    return files


class JournalIndex:
    """Where each finished generation is: a table of about 25 bytes per entry, sorted by key."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Scan the files once."""
        self.paths = list(paths)
        keys, files, offsets = bytearray(), array("H"), array("Q")
        for number, path in enumerate(self.paths):
            for offset, entry in read_journal(path):
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
        """The place (for `read`) of each key of an array (dtype S16), or -1 where the key is not in the journal."""
        if not len(self):
            return np.full(len(keys), -1, dtype=np.int64)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
        return np.where(self._keys[places] == keys, places, -1)

    def read(self, places: Iterable[int]) -> Iterator[Entry]:
        """The entries at these places; the first one of a key that was journalled twice."""
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(path.open("rb")) for path in self.paths]
            for place in places:
                file = files[self._files[place]]
                file.seek(int(self._offsets[place]))
                yield orjson.loads(file.readline())


def read_journal(path: Path) -> Iterator[tuple[int, Entry]]:
    """The offset and the entry of each complete line of a journal file."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            with contextlib.suppress(orjson.JSONDecodeError):  # cut off by a kill: the caption is generated again
                yield offset, orjson.loads(line)
            offset += len(line)


class Journal:
    """One shard's own journal file, open for appending by a single job; use it as a context manager."""

    def __init__(self, folder: Path, shard: int, shards: int) -> None:
        """Open and lock the file; end a last line that was cut off by a kill.

        Raises:
            UserError: another running job has it open; see also `take_lock`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{shard}_of_{shards}.jsonl"
        lock = take_lock(lock_path(self.path))
        if lock is None:
            raise UserError(f"{self.path}: another running job is captioning shard {shard} of {shards}: wait for it or stop it")
        self._lock = lock
        self._file = self.path.open("ab+", buffering=0)
        if self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        os.close(self._lock)

    def append(self, entries: Iterable[Entry]) -> None:
        """Write the entries; when this returns, they are on the disk.

        Raises:
            UserError: the disk is full or unavailable.
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
