"""The journal of finished generations, which survives crashes, kills and changes of settings.

One file per shard, `shard_<n>_of_<N>.jsonl`, which is only appended to; of a further style, in a subfolder of its name. A line is
one finished generation:

    {"key": "<32 hex digits>", "settings": "<8 hex digits>", "id": 123, "text": ..., "finish_reason": ..., ...}

`key` is a digest of the id and of everything that determines the text (see `booruflow.captioning.planning`): a line is valid
wherever its key is looked up, and another model, prompt or image looks up another key. `settings` is a digest of the settings
alone, which the progress reads; lines of earlier versions have none. Other lines are ignored and counted, such as one that was
cut off by a kill.
"""

import os
import re
import sys
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import orjson

from booruflow.core.errors import UserError
from booruflow.core.files import lock_path, open_input, reading, take_lock, writing
from booruflow.core.idjson import MAX_ID_DIGITS
from booruflow.core.jobs import WARNING

Entry = dict[str, Any]
_FILE_NAME = re.compile(r"shard_(\d+)_of_(\d+)\.jsonl")
_KEY = re.compile(r"[0-9a-f]{32}")

MAX_OPEN_FILES = 64
"""Journal files that are open at the same time; a folder can hold thousands."""


def journal_files(folder: Path, shard: int, shards: int) -> list[Path]:
    """The journal files that can hold ids of shard `shard` of `shards`, sorted; none if there is no such folder.

    Shards are equal parts of a range (`booruflow.captioning.shards.shard_of`), so shard m of M and shard n of N share ids if
    [m/M, (m+1)/M) and [n/N, (n+1)/N) overlap. A `*.jsonl` of any other name can hold any ids.

    Raises:
        UserError: the folder cannot be read, or such a name is not that of a file.
    """
    files = []
    with reading(folder):
        names = sorted(path.name for path in folder.iterdir()) if os.path.lexists(folder) else []
    for name in names:
        if not name.endswith(".jsonl") or name.startswith("."):
            continue
        match = _FILE_NAME.fullmatch(name)
        first, count = (int(match[1]), int(match[2])) if match else (0, 1)
        if first >= count or (first * shards < (shard + 1) * count and shard * count < (first + 1) * shards):
            if not (folder / name).is_file():
                raise UserError(f"{folder / name}: not a file, or a link to none: restore the file or remove the name")
            files.append(folder / name)
    return files


def all_journal_files(folder: Path, shard: int, shards: int) -> list[Path]:
    """The journal files of all styles that can hold ids of a shard: those in the folder, and in its subfolders.

    Raises:
        UserError: as `journal_files`.
    """
    with reading(folder):
        folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [file for each in (folder, *folders) for file in journal_files(each, shard, shards)]


class JournalIndex:
    """Where each finished generation is: a table of about 30 bytes per entry, sorted by key."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Scan the files once.

        Raises:
            UserError: a file cannot be read.
        """
        self.paths = list(paths)
        keys, files, offsets = bytearray(), array("I"), array("Q")
        for number, path in enumerate(self.paths):
            for offset, entry in read_journal(path):
                keys += bytes.fromhex(entry["key"])
                files.append(number)
                offsets.append(offset)
        self._keys = np.frombuffer(bytes(keys), dtype="V16").view("S16")
        order = np.argsort(self._keys, kind="stable")
        self._keys = self._keys[order]
        self._files = np.frombuffer(files, dtype=np.uint32)[order]
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
        with ExitStack() as stack:
            files: dict[int, BinaryIO] = {}
            for place in places:
                number = int(self._files[place])
                if number not in files:
                    if len(files) == MAX_OPEN_FILES:
                        stack.close()
                        files.clear()
                    files[number] = stack.enter_context(open_input(self.paths[number]))
                files[number].seek(int(self._offsets[place]))
                yield orjson.loads(files[number].readline())


def read_journal(path: Path) -> Iterator[tuple[int, Entry]]:
    """The offset and the entry of each finished generation in a journal file; other lines are counted on standard error.

    Raises:
        UserError: the file cannot be read.
    """
    offset = ignored = 0
    with open_input(path) as file:
        for line in file:
            if (entry := _entry(line)) is not None:
                yield offset, entry
            else:
                ignored += 1
            offset += len(line)
    if ignored:
        remark = "lines ignored that are no finished generation, such as one cut off by a kill"
        sys.stderr.write(f"{WARNING}{path}: {ignored} {remark}\n")


def _entry(line: bytes) -> Entry | None:
    """The entry of a line, or None if it is anything else."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    is_entry = (
        isinstance(entry, dict)
        and type(entry.get("id")) is int
        and 0 <= entry["id"] < 10**MAX_ID_DIGITS
        and all(isinstance(entry.get(name), str) for name in ("key", "text", "finish_reason"))
        and _KEY.fullmatch(entry["key"])
    )
    return entry if is_entry else None


class Journal:
    """One shard's own journal file, open for appending by a single job; use it as a context manager."""

    def __init__(self, folder: Path, shard: int, shards: int) -> None:
        """Open and lock the file; end a last line that was cut off by a kill.

        Raises:
            UserError: another running job has it open, or it cannot be written; see also `take_lock`.
        """
        self.path = folder / f"shard_{shard}_of_{shards}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab+", buffering=0)
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be written ({os.strerror(error.errno or 0)}): make the journal's folder writable"
            ) from error
        lock = take_lock(lock_path(self.path))
        if lock is None:
            self._file.close()
            raise UserError(f"{self.path}: another running job is captioning shard {shard} of {shards}: wait for it or stop it")
        self._lock = lock
        with writing(self.path):
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
