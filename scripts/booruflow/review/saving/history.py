"""The history of changes: a line for each, written before the change itself, so that undo works after a reload or a kill."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from booruflow.core.files import open_input, writing

TAIL_BYTES = 8 << 20
"""How far back undo reaches."""

State = tuple[str | None, str | None]
"""The entry of a post in edited/review.json and in review/marks.json, as JSON text."""


@dataclass(frozen=True)
class Change:
    """One change of a session."""

    session: str
    post: int
    action: str
    before: State
    after: State


class History:
    """The file of all changes; only appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, change: Change) -> None:
        """Append a change; it is on the disk when this returns."""
        self._append(asdict(change))

    def add_undo(self, session: str) -> None:
        """Append that the last change of a session is taken back."""
        self._append({"session": session, "undo": True})

    def last(self, session: str) -> Change | None:
        """The last change of a session that is not taken back."""
        changes = []
        for entry in self._tail():
            if entry.get("session") == session:
                if not entry.get("undo"):
                    changes.append(entry)
                elif changes:
                    changes.pop()
        if not changes:
            return None
        return Change(**(changes[-1] | {name: tuple(changes[-1][name]) for name in ("before", "after")}))

    def _tail(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        with open_input(self.path) as file:
            start = max(os.fstat(file.fileno()).st_size - TAIL_BYTES, 0)
            file.seek(start)
            lines = file.read().split(b"\n")
        return [entry for line in lines[start > 0 :] if (entry := _entry(line)) is not None]

    def _append(self, entry: dict[str, Any]) -> None:
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":  # a kill cut the last line off
                        file.write(b"\n")
                file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
                file.flush()
                os.fsync(file.fileno())


def _entry(line: bytes) -> dict[str, Any] | None:
    """The entry of a line; None for one that was cut off."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) else None
