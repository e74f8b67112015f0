"""What caption jobs append to the journal, read once: each call sees the lines since the last one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from booruflow.core.errors import UserError
from booruflow.core.files import open_input

READ_BYTES = 4 << 20
# a line as the journal writes it; any other is decoded
_LINE = re.compile(
    rb'^\{"key":"[0-9a-f]{32}",(?:"settings":"([0-9a-f]{8})",)?"id":(\d+),.*"finish_reason":"(\w+)","prompt_tokens":\d+,"completion_tokens":(\d+),[^"]*"seconds":[^"]*\}$',
    re.MULTILINE,
)


class Answer(NamedTuple):
    """One finished generation."""

    id: int
    finish_reason: str
    tokens: int
    settings: str
    """Their digest; empty in a line of an earlier version."""


class JournalTail:
    """Where each journal file has been read to."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[int, int]] = {}

    def new(self, path: Path) -> Iterator[list[Answer]]:
        """The answers added to a file since the last call, in parts; all of them if it is another file of that name now.

        A file that cannot be read has none.
        """
        try:
            status = path.stat()
            inode, at = self._read.get(path, (status.st_ino, 0))
            if inode != status.st_ino or at > status.st_size:
                at = 0
            if at == status.st_size:
                return
            with open_input(path) as file:
                file.seek(at)
                while block := file.read(READ_BYTES):
                    lines = block[: block.rfind(b"\n") + 1] or _whole_line(block + file.readline())
                    if not lines:
                        break
                    at += len(lines)
                    file.seek(at)
                    self._read[path] = (status.st_ino, at)
                    yield _answers(lines)
        except (OSError, UserError):
            return


def _whole_line(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else b""


def _answers(lines: bytes) -> list[Answer]:
    found = [
        Answer(int(id_), reason.decode(), int(tokens), settings.decode())
        for settings, id_, reason, tokens in _LINE.findall(lines)
    ]
    if len(found) == lines.count(b"\n"):
        return found
    return [answer for line in lines.splitlines() if (answer := _answer(line)) is not None]


def _answer(line: bytes) -> Answer | None:
    try:
        entry = orjson.loads(line)
        tokens, settings = int(entry.get("completion_tokens") or 0), str(entry.get("settings") or "")
        return Answer(int(entry["id"]), str(entry["finish_reason"]), tokens, settings)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
