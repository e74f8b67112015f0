"""What the workflow has built: size and time of each product, so that a later start notices those that changed since.

The records are a file beside Snakemake's own: a line `size <tab> mtime in ns <tab> sha256 <tab> path` for each product, appended
when its job has finished. Of several lines of a path the last one counts; one that was cut off by a kill does not.
Loaded by Snakemake's own process at each start, so it imports no data libraries.
"""

import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from booruflow.core.errors import UserError
from booruflow.core.files import open_input, open_whole, reading, sha256_of, writing
from booruflow.products.file_list import first_changed, is_file_list
from booruflow.products.summary import read_manifest

MAX_HASHED = 32 << 20
"""Bytes of a job's outputs that are hashed at its end; those of larger outputs are hashed for the manifest."""


class Record(NamedTuple):
    """A product as it was built: size in bytes, time of the last change in ns, and sha256 in hex, "" where not known."""

    size: int
    time: int
    sha256: str = ""


Records = Mapping[str, Record]

_NUMBER = re.compile("-?[0-9]{1,19}")

DAMAGED = Record(-1, -1)
"""In place of the record of a product that was found damaged, whatever its size and time."""


def state_of(path: str | Path) -> Record | None:
    """The present size and time of a file; None if there is no such file.

    Raises:
        UserError: the system does not say.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 (half the time of Path.stat, for thousands of files)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        with reading(path, "delete it"):
            raise
    return Record(status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def read_records(file: Path) -> dict[str, Record]:
    """All records by path; none if the file does not exist.

    Raises:
        UserError: it cannot be read.
    """
    if not os.path.lexists(file):
        return {}
    records = {}
    with open_input(file, "delete it, and changes of products until now go unnoticed") as source:
        text = source.read().decode("utf-8", "replace")
    for line in text.split("\n"):
        fields = line.split("\t")
        if len(fields) == 4 and all(map(_NUMBER.fullmatch, fields[:2])):
            records[fields[3]] = Record(int(fields[0]), int(fields[1]), fields[2])
    return records


def add_records(file: Path, records: Records) -> None:
    """Append records, in one write."""
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as target:
            target.write(b"\n" * bool(target.tell()) + _lines(records))


def compact_records(file: Path) -> None:
    """Drop the lines that no longer count."""
    records = read_records(file)
    if records:
        with open_whole(file) as target:
            target.write(_lines(records))


def _lines(records: Records) -> bytes:
    return "\n".join(f"{size}\t{time}\t{sha256}\t{path}" for path, (size, time, sha256) in records.items()).encode()


def record_outputs(file: Path, paths: Collection[str]) -> None:
    """Record the outputs of a job that has just finished."""
    states = {path: state for path in paths if (state := state_of(path))}
    if sum(state.size for state in states.values()) <= MAX_HASHED:
        states = {path: state._replace(sha256=sha256_of(path)) for path, state in states.items()}
    if states:
        add_records(file, states)


def changes(paths: Iterable[str], records: Records, manifest: str) -> tuple[dict[str, str], dict[str, Record]]:
    """Compare products with their records; those without a record are taken as they are.

    Of the files of an export, which its list names, only presence and size are compared.

    Args:
        paths: products.
        records: of `read_records`.
        manifest: the path of manifest.json, for the digests of large products.

    Returns:
        The products that are missing or have changed, each with what it is; and those that were only touched: their time
        differs, their content does not.

    Raises:
        UserError: a product cannot be read.
    """
    changed, touched = {}, {}
    hashes: Mapping[str, str] | None = None
    for path in paths:
        if not (built := records.get(path)):
            continue
        if not (now := state_of(path)):
            changed[path] = "is missing"
        elif now[:2] != built[:2]:
            if not built.sha256 and hashes is None:
                hashes = _hashes(manifest, records)
            sha256 = built.sha256 or (hashes or {}).get(path)
            if sha256 and built.size in (now.size, DAMAGED.size) and sha256_of(path) == sha256:
                touched[path] = now._replace(sha256=sha256)
            else:
                changed[path] = "has changed since it was built"
        if path not in changed and is_file_list(path) and (problem := first_changed(path, content=False)):
            changed[path] = f"lists {problem}"
    return changed, touched


def _hashes(manifest: str, records: Records) -> dict[str, str]:
    """The digests of products that were built before the manifest, if this is as it was built."""
    built = records.get(manifest)
    now = state_of(manifest)
    if not built or not now or built[:2] != now[:2]:
        return {}
    results = Path(manifest).parent
    paths = {f"{results}/{name}": entry["sha256"] for name, entry in read_manifest(manifest)["artifacts"].items()}
    return {path: sha256 for path, sha256 in paths.items() if records.get(path, DAMAGED).time <= built.time}


def settle(file: Path, touched: Records) -> None:
    """Give products that were only touched their time back, so that Snakemake does not run what is made from them."""
    records = read_records(file)
    for path, record in touched.items():
        if records[path].time >= 0:
            with writing(path):
                os.utime(path, ns=(record.time, records[path].time))
    now = {path: state_of(path) for path in touched}  # the file system may keep coarser times
    add_records(file, {path: state._replace(sha256=touched[path].sha256) for path, state in now.items() if state})


def require_unchanged(paths: Iterable[str], file: Path, manifest: str) -> None:
    """Raise a UserError if a product has changed since its job ended, as by an edit during the run."""
    changed, _ = changes(paths, read_records(file), manifest)
    for path, change in changed.items():
        raise UserError(f"{path} {change}, during this run: run `snakemake` again, which builds it again")
