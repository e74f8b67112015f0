"""Progress while the workflow runs: from the shards and the ends of the journal and logs; no job waits for it."""

import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import psutil
from numpy.typing import NDArray

from booruflow.captioning.gpus.monitor import GpuReading, read_gpus
from booruflow.captioning.shards import shard_of
from booruflow.core.errors import UserError
from booruflow.core.idjson import read_entry_ids
from booruflow.core.progress import PACE_SECONDS, Pace
from booruflow.review.journal_tail import JournalTail
from booruflow.review.reading.posts_table import SortedTable
from booruflow.review.saving.store import signature_of

ACTIVE_SECONDS = 120.0
"""A shard whose journal grew within this time is running."""
LOOK_SECONDS = 5.0
"""Between two looks at the processes of the machine."""
LOG_BYTES, LOG_LINES = 16 << 10, 12
_CONTROLS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class ShardState:
    """A shard: its posts, those with a caption in the journal, and `done`, `running`, `waiting`, `stopped` or `not started`."""

    number: int
    posts: int
    finished: int
    state: str


@dataclass(frozen=True)
class Progress:
    """All shards, with the pace of the last minute."""

    shards: list[ShardState] = field(default_factory=list)
    posts: int = 0
    finished: int = 0
    per_second: float | None = None
    """Images; None while it is not known."""
    seconds_left: float | None = None
    """By tokens, as in the log of a job."""
    bad: int = 0
    parsed: int = 0
    """Answers that have been parsed; `bad` of them without a caption."""
    cut: int = 0
    answers: int = 0
    """Answers read from the journal; `cut` of them at the token limit or in a loop."""
    running: bool = False
    engine_log: list[str] = field(default_factory=list)
    gpus: list[GpuReading] = field(default_factory=list)
    note: str = ""
    """What is missing."""


@dataclass
class _Shard:
    split: Path
    signature: object
    ids: NDArray[np.int64]
    finished: NDArray[np.bool_]
    changed: float = -np.inf


class Watch:
    """Progress of the data set in a folder; each `read` takes what was added since the one before."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._results = folder.resolve(), folder.resolve() / "results"
        self._shards: list[_Shard] = []
        self._restart()
        self._looked, self._running = -np.inf, False
        self._outcomes: dict[Path, tuple[object, int]] = {}

    def _restart(self) -> None:
        self._tail, self._pace, self._marks = JournalTail(), Pace(), deque[tuple[float, int]]()
        self._cut = self._answers = 0
        self._first = True

    def read(self) -> Progress:
        """The present state. The first call reads the journal of all shards that are not done; later ones take milliseconds."""
        gpus, running, log = read_gpus(), self._is_running(), self._engine_log()
        self._look_for_shards()
        if not self._shards:
            note = "no shards yet: results/missing/split_0.parquet is missing: snakemake shards"
            return Progress(running=running, engine_log=log, gpus=gpus, note=note)
        tokens = self._read_journal()
        states = [self._state(number, shard, running) for number, shard in enumerate(self._shards)]
        posts, finished = sum(state.posts for state in states), sum(state.finished for state in states)
        left, rate = self._keep_pace(finished, tokens, posts)
        bad, parsed = self._parsed()
        return Progress(
            shards=states,
            posts=posts,
            finished=finished,
            per_second=rate if running else None,
            seconds_left=left if running else None,
            bad=bad,
            parsed=parsed,
            cut=self._cut,
            answers=self._answers,
            running=running,
            engine_log=log,
            gpus=gpus,
        )

    def _look_for_shards(self) -> None:
        """The shards, read again where a new division has replaced them."""
        splits = list[tuple[Path, object]]()
        while (path := self._results / f"missing/split_{len(splits)}.parquet").exists():
            splits.append((path, signature_of(path)))
        if splits != [(shard.split, shard.signature) for shard in self._shards]:
            self._restart()
            self._shards = [_Shard(path, signature, ids := _ids_of(path), np.zeros(len(ids), bool)) for path, signature in splits]

    def _read_journal(self) -> int:
        """Take what the jobs have added to the journal; returns the tokens of the answers."""
        tokens, count, now = 0, len(self._shards), time.monotonic()
        for path in sorted((self._folder / "journal").glob("*.jsonl")):
            own = re.fullmatch(rf"shard_(\d+)_of_{count}\.jsonl", path.name)
            if own and int(own[1]) < count and self._is_done(int(own[1])):
                continue
            for answers in self._tail.new(path):
                ids = np.array([answer.id for answer in answers], np.int64)
                numbers = shard_of(ids, count)
                for number in np.unique(numbers).tolist():
                    self._mark(self._shards[number], ids[numbers == number], now)
                tokens += sum(answer.tokens for answer in answers)
                self._answers += len(answers)
                self._cut += sum(answer.finish_reason != "stop" for answer in answers)
        return tokens

    def _mark(self, shard: _Shard, ids: NDArray[np.int64], now: float) -> None:
        if not self._first:
            shard.changed = now
        places = np.searchsorted(shard.ids, ids)
        inside = places < len(shard.ids)
        places, ids = places[inside], ids[inside]
        shard.finished[places[shard.ids[places] == ids]] = True

    def _keep_pace(self, finished: int, tokens: int, posts: int) -> tuple[float | None, float | None]:
        """Seconds left and images a second, of the last minute."""
        now = time.monotonic()
        before = self._marks[-1][1] if self._marks else finished
        if self._first:  # what earlier runs wrote only says how long answers are
            self._pace = Pace(self._answers, tokens)
            self._pace.add(0, 0)
            self._first = False
        else:
            self._pace.add(max(finished - before, 0), tokens)
        self._marks.append((now, finished))
        while len(self._marks) > 2 and now - self._marks[0][0] > PACE_SECONDS:
            self._marks.popleft()
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        rate = (last - first) / (end - start) if end > start and last > first else None
        return self._pace.seconds_for(posts - finished), rate

    def _state(self, number: int, shard: _Shard, running: bool) -> ShardState:
        finished = int(shard.finished.sum())
        if self._is_done(number):
            return ShardState(number, len(shard.ids), len(shard.ids), "done")
        if running:
            active = time.monotonic() - shard.changed < ACTIVE_SECONDS
            return ShardState(number, len(shard.ids), finished, "running" if active else "waiting")
        return ShardState(number, len(shard.ids), finished, "stopped" if finished else "not started")

    def _is_done(self, number: int) -> bool:
        """Whether the outputs are there, and not those of an earlier shard of this number."""
        try:
            raw = (self._results / f"captions/raw_{number}.jsonl").stat()
            return raw.st_mtime >= self._shards[number].split.stat().st_mtime
        except OSError:
            return False

    def _parsed(self) -> tuple[int, int]:
        """How many answers of the shards that are done are bad, and how many have been parsed."""
        bad = parsed = 0
        for number, shard in enumerate(self._shards):
            counts = [self._count(f"captions/{kind}_{number}.json") for kind in ("bad", "skipped", "failed")]
            if self._is_done(number) and None not in counts:
                first, *without = [count or 0 for count in counts]
                bad, parsed = bad + first, parsed + len(shard.ids) - sum(without)
        return bad, parsed

    def _count(self, name: str) -> int | None:
        """The entries of a product, counted again when it has changed; None if it is not there."""
        path = self._results / name
        signature = signature_of(path)
        if signature is None:
            return None
        if self._outcomes.get(path, ((), 0))[0] != signature:
            try:
                self._outcomes[path] = (signature, sum(map(len, read_entry_ids(path))))
            except UserError:
                return None
        return self._outcomes[path][1]

    def _is_running(self) -> bool:
        """Whether Snakemake runs in the folder."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked, self._running = time.monotonic(), any(_snakemakes_in(self._folder))
        return self._running

    def _engine_log(self) -> list[str]:
        """The last lines of the log of an engine, or of a caption job, that was written last."""
        logs = [*self._results.glob("logs/caption_*.engine.log")] or [*self._results.glob("logs/caption_*.log")]
        try:
            newest = max(logs, key=lambda path: path.stat().st_mtime)
            with newest.open("rb") as file:
                file.seek(max(newest.stat().st_size - LOG_BYTES, 0))
                text = file.read(LOG_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError):
            return []
        lines = [_CONTROLS.sub("", line).strip() for line in re.split("[\r\n]", text)]
        return [line[:400] for line in lines if line][-LOG_LINES:]


def _ids_of(split: Path) -> NDArray[np.int64]:
    table = SortedTable(split)
    frames = [frame for group in table.groups() for frame in table.group_rows(group, ["id"])]
    return pl.concat(frames)["id"].to_numpy() if frames else np.empty(0, np.int64)


def _snakemakes_in(folder: Path) -> Iterator[bool]:
    for process in psutil.process_iter(["cmdline"]):
        if any(Path(part).name == "snakemake" for part in (process.info["cmdline"] or [])[:3]):
            try:
                yield Path(process.cwd()) == folder
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
