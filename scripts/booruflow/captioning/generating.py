"""One backend's pass over a shard: what the journal lacks is generated and journalled."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from booruflow.captioning.backends.interface import Backend, Generation, Request
from booruflow.captioning.engine import BATCHES_PER_BLOCK, Engine, Meter, Stop, merge_short_blocks
from booruflow.captioning.gpus.monitor import GpuMonitor
from booruflow.captioning.journal import Journal, JournalIndex, journal_files
from booruflow.captioning.planning import Flags, Keys, row_prompt
from booruflow.captioning.prompts.prompt import Prompt
from booruflow.captioning.shards import Row, Shard, image_place, row_blocks
from booruflow.captioning.skipped import Skips
from booruflow.sources.images.decoding import open_image
from booruflow.sources.images.reading import read_image


@dataclass(frozen=True)
class RowTask:
    """One row to caption (see `booruflow.captioning.engine.Task`)."""

    row: Row
    key: bytes
    prompt: Prompt
    needs_image: bool

    @property
    def id(self) -> int:
        """The post's id."""
        return int(self.row["id"])

    def request(self) -> Request:
        """See `Task.request`."""
        image = open_image(read_image(*image_place(self.row))) if self.needs_image else None
        return Request(self.id, self.prompt, image)


@dataclass(frozen=True)
class BackendPass:
    """One backend's pass over a shard.

    `captioner` is the config section of that name. `lease_gpu` waits for a GPU and returns its entry of
    CUDA_VISIBLE_DEVICES; it is called only if there is something to generate. Images are opened in `threads` threads.
    """

    shard: Shard
    captioner: Mapping[str, Any]
    backend: Backend
    lease_gpu: Callable[[], str]
    threads: int

    def run(self, keys: Keys) -> tuple[Skips, dict[str, Any]]:
        """Generate what the journal lacks; `keys` holds the journal key of each row, empty where there is no request.

        Returns: the posts that still got no caption, with the reason; and the figures for the stats.

        Raises:
            UserError: see `Backend`, `Journal`, `lease`, `Engine.run`.
            SystemExit: see `Engine.run`.
        """
        shard, stop = self.shard, Stop()
        with ExitStack() as stack:
            # Lock the journal before reading it: another job may be writing its last captions.
            journal = stack.enter_context(Journal(shard.journal, shard.number, shard.count))
            index = JournalIndex(journal_files(shard.journal, shard.number, shard.count))
            pending = (keys != b"") & (index.find(keys) < 0)
            total = int(pending.sum())
            if not total:
                return {}, {"generated": asdict(Meter())}
            gpu = self.lease_gpu() if self.backend.needs_gpu else None
            monitor = stack.enter_context(GpuMonitor(gpu, self.captioner["max_gpu_temperature"], lambda: stop.signal > 0))
            stack.enter_context(stop.on_signals())

            def save(results: list[tuple[RowTask, Generation]]) -> None:
                journal.append({"key": task.key.hex(), **asdict(generation)} for task, generation in results)

            engine: Engine[RowTask] = Engine(self.backend, save, stop, self.threads, monitor.wait_until_cool)
            try:
                engine.run(merge_short_blocks(self._tasks(keys, pending), self.backend.concurrency), total)
            finally:
                sys.stderr.write(_summary(engine, total))
            visible = os.environ.get("CUDA_VISIBLE_DEVICES")
            return engine.skips, {"generated": asdict(engine.meter), "gpu": visible, **monitor.figures()}

    def _tasks(self, keys: Keys, pending: Flags) -> Iterator[list[RowTask]]:
        """The pending rows as tasks, in blocks of consecutive rows."""
        first = 0
        for rows in row_blocks(self.shard.split, BATCHES_PER_BLOCK * self.backend.concurrency):
            yield [
                RowTask(
                    row,
                    bytes(keys[number]).ljust(16, b"\0"),  # numpy drops zeros at the end
                    row_prompt(row, self.captioner, self.backend),
                    self.backend.needs_image,
                )
                for number, row in enumerate(rows, first)
                if pending[number]
            ]
            first += len(rows)


def _summary(engine: Engine[RowTask], total: int) -> str:
    """The line for the log."""
    meter = engine.meter
    rate = meter.captions / max(meter.generating_seconds, 1e-9)
    counts = f"{meter.captions} of {total} captions generated, {len(engine.skips)} skipped"
    return f"{counts}, {rate:.2f} images/s, {meter.line()}\n"
