"""A JSON file of entries keyed by id that people change through the page, written whole at each save."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from booruflow.captioning.fixed import read_edited
from booruflow.core.errors import UserError
from booruflow.core.files import lock_path, open_whole, reading, take_lock

LOCK_SECONDS = 20.0
"""How long a save waits for others that are saving."""


class Store:
    """The entries of a file as JSON text by id. A save of another process, or a change by hand, is seen at the next read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._signature: object = ()
        self._values: dict[int, str] = {}

    def values(self) -> Mapping[int, str]:
        """All entries as they are on the disk.

        Raises:
            UserError: a person has damaged the file.
        """
        signature = signature_of(self.path)
        if signature != self._signature:
            entries = read_edited(self.path) if signature else {}
            self._values = {post: json_text(entry) for post, entry in entries.items()}
            self._signature = signature
        return self._values

    def put(self, post: int, value: str | None) -> None:
        """Write the file, to the disk, with another value of an entry or without it; the caller holds the lock."""
        values = {**self.values(), post: value}
        kept = {each: text for each, text in sorted(values.items()) if text is not None}
        lines = ",\n".join(f'"{each}": {text}' for each, text in kept.items())
        with open_whole(self.path) as file:
            file.write(("{\n" + lines + ("\n}\n" if kept else "}\n")).encode())
        self._values, self._signature = kept, signature_of(self.path)


def json_text(entry: Any) -> str:  # noqa: ANN401 (any JSON value)
    """An entry as JSON on one line, the same text for equal entries."""
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS).decode()


def signature_of(path: Path) -> tuple[int, int, int] | None:
    """What differs after each change of a file; None if there is no such file."""
    with reading(path):
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on a file while the block runs, against other threads and processes.

    Raises:
        UserError: it is not free within LOCK_SECONDS, or the file system has no locks.
    """
    end = time.monotonic() + LOCK_SECONDS
    while (lock := take_lock(lock_path(path))) is None:
        if time.monotonic() > end:
            raise UserError(f"{path}: another process holds this lock for {LOCK_SECONDS:.0f} s: stop it, and save again")
        time.sleep(0.005)
    try:
        yield
    finally:
        os.close(lock)
