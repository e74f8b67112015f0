"""Progress while the workflow runs: from the shards and the ends of the journal and logs; no job waits for it."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.captioning.backends.registry import open_backends
from booruflow.captioning.gpus.monitor import GpuReading, read_gpus
from booruflow.captioning.shards import shard_of
from booruflow.core.errors import UserError
from booruflow.core.idjson import read_entry_ids
from booruflow.core.progress import PACE_SECONDS, Pace
from booruflow.review.current_settings import CurrentSettings
from booruflow.review.journal_tail import JournalTail
from booruflow.review.newest_log import end_of_newest_log
from booruflow.review.processes import processes_in
from booruflow.review.reading.posts_table import SortedTable
from booruflow.review.reading.settings import read_settings
from booruflow.review.saving.store import signature_of

ACTIVE_SECONDS = 120.0
"""A shard whose journal grew within this time is running."""
LOOK_SECONDS = 5.0
"""Between two looks at the processes of the machine."""


@dataclass(frozen=True)
class ShardState:
    """A shard in one style."""

    style: str
    number: int
    posts: int
    captions: int
    """Posts with a caption in the journal."""
    without: int
    """Posts that get none: skipped, or the request failed; of a shard that is not done, those that have no image."""
    state: str
    """`done`, `running`, `waiting`, `stopped` or `not started`."""
    quiet_seconds: float | None = None
    """Since its journal grew; None where it has none, or is done."""


@dataclass(frozen=True)
class Progress:
    """All shards in all styles, with the pace of the last minute."""

    shards: list[ShardState] = field(default_factory=list)
    total: int = 0
    """Captions wanted: one for each post in each style."""
    captions: int = 0
    without: int = 0
    per_second: float | None = None
    """Images; None while it is not known."""
    seconds_left: float | None = None
    """By tokens, as in the log of a job."""
    bad: int = 0
    parsed: int = 0
    """Answers that have been parsed; `bad` of them without a caption."""
    cut: int = 0
    answers: int = 0
    """Answers read from the journal of shards that are not done; `cut` of them at the token limit or in a loop."""
    running: bool = False
    over: bool = False
    """Nothing more will come."""
    engine_log: list[str] = field(default_factory=list)
    gpus: list[GpuReading] = field(default_factory=list)
    note: str = ""
    """Why there are no shards."""


@dataclass
class _Shard:
    style: str
    number: int
    split: Path
    posts: int
    ids: NDArray[np.int64]
    """Of the posts that can be captioned."""
    finished: NDArray[np.bool_]
    own: Path
    """The journal file of its job."""
    outcomes: Path
    """The folder of its outputs."""


class Watch:
    """Progress of the data set in a folder; each `read` takes what was added since the one before."""

    def __init__(self, folder: Path) -> None:
        """Read its settings.

        Raises:
            UserError: the folder has no config.yaml, or one that breaks the schema.
        """
        settings = read_settings(folder)
        self._folder, self._results = settings.folder, settings.folder / "results"
        self._generates = bool(settings.shards)
        self._needs_image = all(backend.needs_image for backend in open_backends(settings.captioner))
        self._subfolders = {style: style if number else "." for number, style in enumerate(settings.captioner["styles"])}
        self._splits, self._shards = list[tuple[Path, object]](), list[_Shard]()
        self._restart()
        self._current = CurrentSettings(settings)
        self._looked, self._running = -np.inf, False
        self._outcomes: dict[Path, tuple[object, int]] = {}

    def _restart(self) -> None:
        self._tail, self._pace, self._marks = JournalTail(), Pace(), deque[tuple[float, int]]()
        self._cut = self._answers = 0
        self._first = True

    def read(self) -> Progress:
        """The present state. The first call reads the journal of all shards that are not done; later ones take milliseconds."""
        gpus, running, log = read_gpus(), self._is_running(), end_of_newest_log(self._results)
        if not self._generates:
            return Progress(running=running, over=True, note="config.yaml: captions.generate is false: nothing is captioned")
        self._look_for_shards()
        if not self._shards:
            return Progress(running=running, engine_log=log, gpus=gpus, note=self._why_no_shards(running))
        tokens = self._read_journal()
        states = [self._state(shard, running) for shard in self._shards]
        total, captions, without = (sum(getattr(state, name) for state in states) for name in ("posts", "captions", "without"))
        left, rate = self._keep_pace(captions, tokens, total - captions - without)
        bad, parsed = self._parsed()
        done = all(state.state == "done" for state in states)
        return Progress(
            shards=states,
            total=total,
            captions=captions,
            without=without,
            per_second=rate if running and not done else None,
            seconds_left=left if running and not done else None,
            bad=bad,
            parsed=parsed,
            cut=0 if done else self._cut,
            answers=0 if done else self._answers,
            running=running,
            over=not running and done,
            engine_log=log,
            gpus=gpus,
        )

    def _why_no_shards(self, running: bool) -> str:
        if running:
            return "nothing captioned yet: the run has not divided the posts into shards"
        start = f"start with `snakemake --cores 8` in {self._folder}"
        if any(path.stat().st_size for path in (self._folder / "journal").rglob("*.jsonl")):
            return f"no shards in results/; the captions in journal/ stay, and the next run takes them: {start}"
        return f"nothing captioned yet: {start}"

    def _look_for_shards(self) -> None:
        """The shards, read again where a new division has replaced them."""
        splits = list[tuple[Path, object]]()
        while (path := self._results / f"missing/split_{len(splits)}.parquet").exists():
            splits.append((path, signature_of(path)))
        if splits != self._splits:
            self._restart()
            self._splits, tables = splits, [(path, *self._captionable(path)) for path, _ in splits]
            self._shards = [
                _Shard(
                    *(style, number, path, posts, ids, np.zeros(len(ids), bool)),
                    own=self._folder / "journal" / subfolder / f"shard_{number}_of_{len(splits)}.jsonl",
                    outcomes=self._results / "captions" / subfolder,
                )
                for style, subfolder in self._subfolders.items()
                for number, (path, posts, ids) in enumerate(tables)
            ]

    def _captionable(self, split: Path) -> tuple[int, NDArray[np.int64]]:
        """The number of posts of a shard, and the ids of those that can be captioned."""
        table = SortedTable(split)
        frames = [frame for group in table.groups() for frame in table.group_rows(group, ["id", "image"])]
        rows = pl.concat(frames) if frames else pl.DataFrame(schema={"id": pl.Int64, "image": pl.String})
        can = rows.filter(pl.col("image").is_not_null()) if self._needs_image else rows
        return len(rows), can["id"].to_numpy()

    def _read_journal(self) -> int:
        """Take what the jobs have added to the journal; returns the tokens of the answers."""
        tokens = 0
        for style in self._subfolders:
            shards = [shard for shard in self._shards if shard.style == style]
            done = {shard.own for shard in shards if self._is_done(shard)}
            for path in self._journal_files(style):
                for block in self._tail.new(path) if path not in done else ():
                    answers = [answer for answer in block if self._current.include(style, answer.settings)]
                    ids = np.array([answer.id for answer in answers], np.int64)
                    numbers = shard_of(ids, len(shards))
                    for number in np.unique(numbers).tolist():
                        _mark(shards[number], ids[numbers == number])
                    tokens += sum(answer.tokens for answer in answers)
                    self._answers += len(answers)
                    self._cut += sum(answer.finish_reason != "stop" for answer in answers)
        return tokens

    def _journal_files(self, style: str) -> Iterator[Path]:
        """Those of a style; a trial has captioned some of the images already."""
        for folder in (self._subfolders[style], f"trial_{style}"):
            yield from sorted((self._folder / "journal" / folder).glob("*.jsonl"))

    def _keep_pace(self, captions: int, tokens: int, left: int) -> tuple[float | None, float | None]:
        """Seconds for the captions that are left and images a second, of the last minute."""
        now = time.monotonic()
        before = self._marks[-1][1] if self._marks else captions
        if self._first:  # what earlier runs wrote only says how long answers are
            self._pace = Pace(self._answers, tokens)
            self._pace.add(0, 0)
            self._first = False
        else:
            self._pace.add(max(captions - before, 0), tokens)
        self._marks.append((now, captions))
        while len(self._marks) > 2 and now - self._marks[0][0] > PACE_SECONDS:
            self._marks.popleft()
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        rate = (last - first) / (end - start) if end > start and last > first else None
        return self._pace.seconds_for(left), rate

    def _state(self, shard: _Shard, running: bool) -> ShardState:
        own = (shard.style, shard.number, shard.posts)
        if self._is_done(shard):
            without = sum(self._count(shard, kind) or 0 for kind in ("skipped", "failed"))
            return ShardState(*own, shard.posts - without, without, "done")
        captions, quiet = int(shard.finished.sum()), _seconds_since_growth(shard.own)
        state = "not started" if quiet is None else "stopped"
        if running:
            state = "running" if quiet is not None and quiet < ACTIVE_SECONDS else "waiting"
        return ShardState(*own, captions, shard.posts - len(shard.ids), state, quiet)

    def _parsed(self) -> tuple[int, int]:
        """How many answers of the shards that are done are bad, and how many have been parsed."""
        bad = parsed = 0
        for shard in filter(self._is_done, self._shards):
            counts = [self._count(shard, kind) for kind in ("bad", "skipped", "failed")]
            if None not in counts:
                first, *without = [count or 0 for count in counts]
                bad, parsed = bad + first, parsed + shard.posts - sum(without)
        return bad, parsed

    def _count(self, shard: _Shard, kind: str) -> int | None:
        """The entries of a product, counted again when it has changed; None if it is not there."""
        path = shard.outcomes / f"{kind}_{shard.number}.json"
        signature = signature_of(path)
        if signature is None:
            return None
        if self._outcomes.get(path, ((), 0))[0] != signature:
            try:
                self._outcomes[path] = (signature, sum(map(len, read_entry_ids(path))))
            except UserError:
                return None
        return self._outcomes[path][1]

    def _is_done(self, shard: _Shard) -> bool:
        """Whether the outputs are there, and neither of an earlier shard of this number nor of other settings."""
        try:
            raw = (shard.outcomes / f"raw_{shard.number}.jsonl").stat()
            is_later = raw.st_mtime >= shard.split.stat().st_mtime
        except OSError:
            return False
        return is_later and self._current.made(shard.style, shard.outcomes / f"stats_{shard.number}.json")

    def _is_running(self) -> bool:
        """Whether Snakemake runs in the folder, or a job that it started and that has outlived it."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self._running = any(worker.is_snakemake or worker.is_job for worker in processes_in(self._folder))
        return self._running


def _mark(shard: _Shard, ids: NDArray[np.int64]) -> None:
    """Note that these posts have a caption."""
    places = np.searchsorted(shard.ids, ids)
    inside = places < len(shard.ids)
    places, ids = places[inside], ids[inside]
    shard.finished[places[shard.ids[places] == ids]] = True


def _seconds_since_growth(journal: Path) -> float | None:
    try:
        status = journal.stat()
    except OSError:
        return None
    return max(time.time() - status.st_mtime, 0) if status.st_size else None
