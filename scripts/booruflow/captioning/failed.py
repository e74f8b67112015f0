"""Requests that failed on their own account: an outcome of its own, and in how many runs each has failed.

failed_{n}.json is keyed by id: `"<id>": {"reason", "attempts"}`. The attempts are counted in a folder of files named as those
of the journal, one per shard, to which each run appends a line for every request that failed in it:

    {"key": "<32 hex digits>", "id": 123, "reason": ...}

`key` is that of the journal (see `booruflow.captioning.planning`), so a request with another prompt, image or setting starts
anew. A request with MAX_ATTEMPTS lines is not sent again until the folder is deleted.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import open_input, open_whole, read_json

MAX_ATTEMPTS = 3
"""Runs in which a request is sent at most."""

KEY_BYTES = 16


@dataclass(frozen=True)
class Failure:
    """The last reason for which the request of the post `id` failed, and in how many runs it has failed."""

    id: int
    reason: str
    attempts: int

    @property
    def waits(self) -> bool:
        """Whether the request is not sent again."""
        return self.attempts >= MAX_ATTEMPTS


Failures: TypeAlias = dict[int, Failure]
"""By id."""


def read_attempts(paths: Iterable[Path]) -> dict[bytes, Failure]:
    """The failures in files of attempts, by key; a line that is none, such as one that was cut off by a kill, is ignored."""
    failures: dict[bytes, Failure] = {}
    for path in paths:
        with open_input(path) as file:
            for line in file:
                if (entry := _attempt(line)) is not None:
                    key, id_, reason = entry
                    before = failures.get(key)
                    failures[key] = Failure(id_, reason, before.attempts + 1 if before else 1)
    return failures


def _attempt(line: bytes) -> tuple[bytes, int, str] | None:
    """Key, id and reason of a line, or None if it is anything else."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        entry = json.loads(line)
        key, id_, reason = bytes.fromhex(entry["key"]), entry["id"], entry["reason"]
        if len(key) == KEY_BYTES and type(id_) is int and isinstance(reason, str):
            return key, id_, reason
    return None


def retries(failures: Mapping[bytes, Failure]) -> int:
    """How many times a failure was followed, or is to be followed, by another attempt; it grows with each that is due."""
    return sum(min(failure.attempts, MAX_ATTEMPTS - 1) for failure in failures.values())


def write_failed(path: str | Path, failures: Failures) -> None:
    """Write a failed file, in the layout of `booruflow.core.idjson`."""
    lines = [f'"{id_}": {_value(failures[id_])}' for id_ in sorted(failures)]
    with open_whole(path) as file:
        file.write(("{\n" + ",\n".join(lines) + ("\n}\n" if lines else "}\n")).encode())


def _value(failure: Failure) -> str:
    return json.dumps({"reason": failure.reason, "attempts": failure.attempts}, ensure_ascii=False, separators=(",", ":"))


def read_failed(path: str | Path) -> Failures:
    """The entries of a failed file.

    Raises:
        UserError: it cannot be read, or is damaged.
    """
    with suppress(ValueError, TypeError, KeyError):
        failures = {int(id_): Failure(int(id_), entry["reason"], entry["attempts"]) for id_, entry in _read_object(path).items()}
        if all(isinstance(failure.reason, str) and type(failure.attempts) is int for failure in failures.values()):
            return failures
    raise UserError(_damaged(path))


def _read_object(path: str | Path) -> dict[str, Any]:
    """A file that is one JSON object; raises as `read_failed`."""
    entries = read_json(path)
    if isinstance(entries, dict):
        return entries
    raise UserError(_damaged(path))


def _damaged(path: str | Path) -> str:
    return f"{path}: damaged: delete it and run `snakemake`, which builds it again"


def unanswered(failed: Sequence[str | Path], fixed: Sequence[str | Path]) -> Failures:
    """The failures of all shards whose posts have no caption by a person either; a file that does not exist counts as empty.

    Args:
        failed: failed_{n}.json of each shard.
        fixed: fixed_{n}.json of each shard.

    Raises:
        UserError: a file cannot be read, or is damaged.
    """
    failures: Failures = {}
    for failed_path, fixed_path in zip(failed, fixed, strict=True):
        if Path(failed_path).exists() and (shard := read_failed(failed_path)):
            captioned = _read_object(fixed_path) if Path(fixed_path).exists() else {}
            failures |= {id_: failure for id_, failure in shard.items() if str(id_) not in captioned}
    return failures


def unanswered_line(failures: Failures, attempts: str | Path) -> str:
    """One line for the end of a run: how many requests failed, and what to do; `attempts` is the folder of the attempts."""
    waiting = sum(failure.waits for failure in failures.values())
    example = next(iter(failures.values()))
    parts = [f"{counted_noun(len(failures), 'caption request')} failed, such as that of post {example.id} ({example.reason})"]
    if waiting < len(failures):
        parts.append("run again to repeat them")
    if waiting:
        parts.append(
            f"{waiting:,} of them will not be repeated, after {MAX_ATTEMPTS} failed runs, until you delete {attempts}; or caption"
            " these posts yourself (docs/captioning.md)"
        )
    return ": ".join([parts[0], "; ".join(parts[1:])])
