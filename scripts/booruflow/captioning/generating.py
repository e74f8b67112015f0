"""One backend's pass over a shard: what the journal lacks is generated and journalled."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from booruflow.captioning.backends.interface import Backend, Generation, Request
from booruflow.captioning.engine import BATCHES_PER_BLOCK, Engine, Meter, Stop, merge_short_blocks
from booruflow.captioning.failed import Failure, Failures, read_attempts
from booruflow.captioning.gpus.monitor import GpuMonitor
from booruflow.captioning.journal import Journal, JournalIndex, journal_files
from booruflow.captioning.planning import Flags, Keys, key_of_row, row_prompt
from booruflow.captioning.prompts.known import Known
from booruflow.captioning.prompts.prompt import Prompt
from booruflow.captioning.shards import Row, Shard, image_place, row_blocks
from booruflow.captioning.skipped import Skips
from booruflow.core.progress import Pace
from booruflow.sources.images.decoding import open_image
from booruflow.sources.images.reading import read_image

PROBE_ID = -1
PROBE_TAGS = {"id": PROBE_ID, "general": "1girl, solo", "characters": "", "artists": ""}
PROBE_SIZE = (448, 448)
"""Of the image, in pixels."""
PACE_CAPTIONS = 1000
"""So many finished captions say how long the answers are."""


@dataclass(frozen=True)
class RowTask:
    """One row to caption (see `booruflow.captioning.engine.Task`)."""

    row: Row
    key: bytes
    prompt: Prompt
    backend: Backend

    @property
    def id(self) -> int:
        """The post's id."""
        return int(self.row["id"])

    def request(self) -> Request:
        """See `Task.request`."""
        image = None
        if self.backend.needs_image:
            image = open_image(read_image(*image_place(self.row)), self.backend.image_pixels)
        return Request(self.id, self.prompt, image)


@dataclass(frozen=True)
class ProbeTask:
    """A request that any working backend answers: a plain image, with a prompt as for a post."""

    prompt: Prompt
    needs_image: bool
    id: int = PROBE_ID

    def request(self) -> Request:
        """See `Task.request`."""
        return Request(self.id, self.prompt, Image.new("RGB", PROBE_SIZE, "gray") if self.needs_image else None)


@dataclass(frozen=True)
class PassResult:
    """What a backend's pass over a shard gave."""

    skips: Skips
    """Posts whose image could not be opened."""
    failures: Failures
    """Posts whose requests failed, in this pass or in the runs before."""
    figures: dict[str, Any]
    """For the stats."""


@dataclass(frozen=True)
class BackendPass:
    """One backend's pass over a shard, whose journal the caller holds open.

    `captioner` is the config section of that name. `lease_gpu` waits for a GPU and returns its entry of
    CUDA_VISIBLE_DEVICES; it is called only if there is something to generate. Images are opened in `threads` threads. `known` is
    what the prompts may tell beyond the rows.
    """

    shard: Shard
    captioner: Mapping[str, Any]
    backend: Backend
    lease_gpu: Callable[[], str]
    threads: int
    known: Known

    def run(self, keys: Keys, index: JournalIndex, journal: Journal, settings: str) -> PassResult:
        """Generate what the journal lacks; `keys` holds the journal key of each row, empty where there is no request.

        `settings` is their digest (`settings_digest`), which stands beside each key.

        Raises:
            UserError: see `Backend`, `Journal`, `lease`, `Engine.run`.
            SystemExit: see `Engine.run`.
        """
        shard, stop = self.shard, Stop()
        pending = (keys != b"") & (index.find(keys) < 0)
        attempts = read_attempts(journal_files(shard.attempts / shard.style, shard.number, shard.count))
        failures: Failures = {}
        for row in np.flatnonzero(pending).tolist() if attempts else ():
            failure = attempts.get(key_of_row(keys, row))
            if failure is not None and failure.waits:
                failures[failure.id] = failure
                pending[row] = False
        total = int(pending.sum())
        if not total:
            return PassResult({}, failures, {"generated": asdict(Meter())})
        with ExitStack() as stack:
            gpu = self.lease_gpu() if self.backend.needs_gpu else None
            monitor = stack.enter_context(GpuMonitor(gpu, self.captioner["max_gpu_temperature"], lambda: stop.signal > 0))
            stack.enter_context(stop.on_signals())

            def save(results: list[tuple[RowTask, Generation]]) -> None:
                journal.append(
                    {"key": task.key.hex(), "settings": settings, **asdict(generation)} for task, generation in results
                )

            probe = ProbeTask(row_prompt(PROBE_TAGS, self.captioner, self.backend, self.known), self.backend.needs_image)
            pace = self._pace(keys, index)
            engine: Engine[RowTask] = Engine(self.backend, save, stop, self.threads, monitor.wait_until_cool, probe, pace)
            try:
                engine.run(merge_short_blocks(self._tasks(keys, pending), self._requests_ahead()), total)
            finally:
                print(_summary(engine, total), end="")
            visible = os.environ.get("CUDA_VISIBLE_DEVICES")
            figures = {"generated": asdict(engine.meter), "gpu": visible, **monitor.figures()}
        if engine.failed:
            with Journal(shard.attempts / shard.style, shard.number, shard.count) as file:
                file.append({"key": task.key.hex(), "id": id_, "reason": reason} for id_, (task, reason) in engine.failed.items())
        for id_, (task, reason) in engine.failed.items():
            before = attempts.get(task.key)
            failures[id_] = Failure(id_, reason, before.attempts + 1 if before else 1)
        return PassResult(engine.skips, failures, figures)

    def _pace(self, keys: Keys, index: JournalIndex) -> Pace:
        """The tokens of finished captions of this shard and backend."""
        places = index.find(keys)
        entries = [entry.get("completion_tokens") for entry in index.read(places[places >= 0][:PACE_CAPTIONS].tolist())]
        tokens = [count for count in entries if type(count) is int]
        return Pace(len(tokens), sum(tokens))

    def _requests_ahead(self) -> int:
        """The least size of a block: it fills a batch; without batches, each thread has a request to prepare."""
        return self.backend.batch_size if self.backend.batch_size > 1 else self.threads

    def _tasks(self, keys: Keys, pending: Flags) -> Iterator[list[RowTask]]:
        """The pending rows as tasks, in blocks of consecutive rows."""
        first = 0
        for rows in row_blocks(self.shard.split, BATCHES_PER_BLOCK * self._requests_ahead()):
            yield [
                RowTask(
                    row,
                    key_of_row(keys, number),
                    row_prompt(row, self.captioner, self.backend, self.known),
                    self.backend,
                )
                for number, row in enumerate(rows, first)
                if pending[number]
            ]
            first += len(rows)


def _summary(engine: Engine[RowTask], total: int) -> str:
    """The line for the log."""
    meter = engine.meter
    rate = meter.captions / max(meter.generating_seconds, 1e-9)
    counts = f"{meter.captions} of {total} captions generated, {len(engine.skips)} skipped, {len(engine.failed)} failed"
    return f"{counts}, {rate:.2f} images/s, {meter.line()}\n"
