"""What an export has written: a job that was stopped, or whose texts have changed, does not write its images again.

The file `.written.tsv` in the folder of the export has a line `key <tab> size <tab> time in ns <tab> width <tab> height <tab>
sha256 <tab> path` for each file, appended block by block, and before that a line of its path alone. A file counts as written
while its size and time are those of its line, and its key, a digest of the source and of how it is written, is that of the job.
Lost, it costs only time.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from booruflow.core.files import writing


class Written(NamedTuple):
    """A file as it was written: sizes in bytes and in pixels (0 for what is no image), and its time in ns."""

    key: str
    size: int
    time: int
    width: int
    height: int
    sha256: str
    path: str


class Ledger:
    """The record of one export; a context manager. Uses about 400 bytes of memory a file that is there at the start."""

    def __init__(self, path: Path) -> None:
        """Read the record, if there is one, and open it for appending.

        Raises:
            UserError: it cannot be read or written.
        """
        self._path = path
        self._known: dict[str, Written | None] = {}  # None: it was going to be written
        with writing(path):
            if path.exists():
                with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
                    for line in lines:
                        self._read(line)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            self._file.write(b"\n" * bool(self._file.tell()))  # behind a line that a kill cut off

    def _read(self, line: str) -> None:
        fields = line.removesuffix("\n").split("\t")
        if len(fields) == 1 and fields[0] and line.endswith("\n"):
            self._known.setdefault(fields[0])
        elif len(fields) == 7 and line.endswith("\n") and all(field.isdecimal() for field in fields[1:5]):
            size, time, width, height = map(int, fields[1:5])
            self._known[fields[6]] = Written(fields[0], size, time, width, height, fields[5], fields[6])

    def find(self, path: str, key: str, file: str) -> Written | None:
        """What was written at `path` below the export, if `file` there is still that, and of the same key."""
        written = self._known.get(path)
        if written is None or written.key != key:
            return None
        try:
            status = os.lstat(file)
        except OSError:
            return None
        return written if (status.st_size, status.st_mtime_ns) == (written.size, written.time) else None

    @property
    def paths(self) -> Iterable[str]:
        """All that earlier jobs have written, or begun to write."""
        return self._known.keys()

    def announce(self, paths: Iterable[str]) -> None:
        """Append the paths of files that are going to be written, but for those that were written before."""
        self._append(f"{path}\n" for path in paths if path not in self._known)

    def add(self, files: Iterable[Written]) -> None:
        """Append files that were written."""
        self._append("\t".join(map(str, written)) + "\n" for written in files)

    def _append(self, lines: Iterable[str]) -> None:
        with writing(self._path):
            self._file.write("".join(lines).encode("utf-8", "surrogateescape"))
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
