"""The engine around all backends: opens images ahead, feeds batches, hands on what is finished.

It knows nothing of journals and shards: jobs go in, results come out. Batches are cut from blocks of consecutive jobs,
sorted by size within a block, so that padding is small, memory is bounded by two blocks, and a run that was stopped
between two batches goes on with the very batches that an undisturbed run would have made.
"""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from booruflow.captioning.backends import Backend, Failed, Prepared, Request, Result
from booruflow.core.errors import Unreadable, UserError
from booruflow.core.progress import progress

if TYPE_CHECKING:
    from tqdm import tqdm

BATCHES_A_BLOCK = 4
HOPELESS = 32
"""When so many requests failed and none succeeded, the fault is not in the requests."""

UNREADABLE, FAILED = "unreadable image", "generation failed"


class Job(Protocol):
    """One caption to make: its id, and how to get its request (called in a thread; may raise Unreadable)."""

    @property
    def id(self) -> int:
        """The post's id."""

    def request(self) -> Request:
        """Read and open what the request needs."""


JobT = TypeVar("JobT", bound=Job)


class Stop:
    """Whether SIGINT or SIGTERM asked to stop. A second signal stops at once, without waiting for the batch."""

    def __init__(self) -> None:
        self.number = 0
        """The signal, or 0 for none."""

    def _ask(self, number: int, _: FrameType | None) -> None:
        if self.number:
            os._exit(128 + number)  # as safe as kill -9, and a thread that loads a model holds nothing up
        self.number = number
        sys.stderr.write(f"{signal.Signals(number).name}: stopping after the captions in hand; once more to stop at once\n")

    @contextmanager
    def on_signals(self) -> Iterator["Stop"]:
        """Listen while the block runs (in the main thread)."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass
class Meter:
    """What a run did, and how long it took (seconds)."""

    captions: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    loading: float = 0.0
    waiting: float = 0.0
    """The time in which the backend had to wait for images."""
    generating: float = 0.0
    """All the time from the first request on, waiting included, loading not."""

    def line(self) -> str:
        """The figures in words."""
        seconds = max(self.generating, 1e-9)
        return f"{self.completion_tokens / seconds:.0f} tokens/s, {self.waiting / seconds:.0%} waiting for images"


class Engine(Generic[JobT]):
    """Passes jobs through a backend.

    `keep` receives results as they come, and has made them durable when it returns. `gate` is called before each
    batch and may wait (for a GPU to cool down).
    """

    def __init__(
        self,
        backend: Backend,
        keep: Callable[[list[tuple[JobT, Result]]], None],
        stop: Stop,
        threads: int = 2,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        self.backend = backend
        self.meter = Meter()
        self.skipped: dict[int, dict[str, str]] = {}
        """After `run`: the ids that got no result, each with `reason` and perhaps `detail`."""
        self._keep, self._stop, self._gate, self._threads = keep, stop, gate, threads
        self._loaded = False
        self._loading = threading.Lock()

    def run(self, blocks: Iterable[list[JobT]], total: int) -> None:
        """Generate all jobs; those that failed are tried once more at the end.

        Raises:
            SystemExit: a signal asked to stop; the code is 128 and its number, as shells have it.
            UserError: the backend cannot load, or every request fails.
        """
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="images")
        try:
            with progress(total, "captions", "images") as bar:
                failed = self._pass(blocks, pool, bar)
                failed = self._pass([[job] for job, _ in failed.values()], pool, bar)
        finally:
            pool.shutdown(cancel_futures=True)
        if self._stop.number:
            raise SystemExit(128 + self._stop.number)
        self.skipped |= {id_: {"reason": f"{FAILED}: {reason}"} for id_, (_, reason) in failed.items()}

    def _pass(self, blocks: Iterable[list[JobT]], pool: ThreadPoolExecutor, bar: "tqdm[None]") -> dict[int, tuple[JobT, str]]:
        """One pass; returns the jobs that failed, with their reasons."""
        flying: dict[int, JobT] = {}
        failed: dict[int, tuple[JobT, str]] = {}
        begun, loading = time.monotonic(), self.meter.loading
        for outcomes in self.backend.generate(self._batches(iter(blocks), pool, flying, bar)):
            done = [(flying.pop(outcome.id), outcome) for outcome in outcomes]
            finished = [(job, outcome) for job, outcome in done if isinstance(outcome, Result)]
            self._keep(finished)
            failed |= {job.id: (job, outcome.reason) for job, outcome in done if isinstance(outcome, Failed)}
            self.meter.captions += len(finished)
            self.meter.prompt_tokens += sum(result.prompt_tokens for _, result in finished)
            self.meter.completion_tokens += sum(result.completion_tokens for _, result in finished)
            if not self.meter.captions and len(failed) >= HOPELESS:
                reason = next(reversed(failed.values()))[1]
                raise UserError(f"the first {len(failed)} caption requests all failed ({reason}): mend that and run again")
            now = time.monotonic()
            self.meter.generating += now - begun - (self.meter.loading - loading)
            begun, loading = now, self.meter.loading
            bar.set_postfix_str(self.meter.line(), refresh=False)
            bar.update(len(finished))
        return failed

    def _batches(
        self, blocks: Iterator[list[JobT]], pool: ThreadPoolExecutor, flying: dict[int, JobT], bar: "tqdm[None]"
    ) -> Iterator[list[Prepared]]:
        """Ready batches, the next block opened in threads while this one is generated; ends early at `stop`."""
        ahead: deque[list[tuple[JobT, Future[Prepared]]]] = deque()
        while True:
            while len(ahead) < 2 and (block := next(blocks, None)) is not None:
                ahead.append([(job, pool.submit(self._ready, job, bar)) for job in block])
            if not ahead:
                return
            ready = []
            begun, loading = time.monotonic(), self.meter.loading
            for job, future in ahead.popleft():
                if self._stop.number:
                    return
                try:
                    ready.append(future.result())
                    flying[job.id] = job
                except Unreadable as error:
                    self.skipped[job.id] = {"reason": UNREADABLE, "detail": str(error)}
                    bar.update()
            self.meter.waiting += time.monotonic() - begun - (self.meter.loading - loading)
            for batch in batches_of(ready, self.backend.batch_size):
                self._gate()
                if self._stop.number:
                    return
                yield batch

    def _ready(self, job: JobT, bar: "tqdm[None]") -> Prepared:
        """Open and prepare one request; the first one that can be opened has the backend loaded."""
        request = job.request()
        with self._loading:
            if not self._loaded:
                begun = time.monotonic()
                self.backend.load()
                self._loaded = True
                self.meter.loading = time.monotonic() - begun
                bar.unpause()  # its rate is that of captions
        return self.backend.prepare(request)


def batches_of(ready: list[Prepared], most: int) -> Iterator[list[Prepared]]:
    """Batches of at most so many requests, the largest first, none less than half as large as its batch's largest.

    What is left of the requests after some whole batches makes the same further batches.
    """
    batch: list[Prepared] = []
    for prepared in sorted(ready, key=lambda prepared: (-prepared.size, prepared.id)):
        if batch and (len(batch) == most or prepared.size * 2 < batch[0].size):
            yield batch
            batch = []
        batch.append(prepared)
    if batch:
        yield batch


def blocks_of(jobs: Iterable[list[JobT]], least: int) -> Iterator[list[JobT]]:
    """Join neighbouring blocks that have become too short to fill a batch; leave the others as they are.

    A block that a stopped run left half done keeps its batches, and scattered jobs do not run in tiny batches.
    """
    joined: list[JobT] = []
    for block in jobs:
        joined += block
        if len(joined) >= least:
            yield joined
            joined = []
    if joined:
        yield joined
