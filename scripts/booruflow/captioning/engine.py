"""The engine around all backends: opens images ahead, feeds batches, hands over what is finished.

It knows nothing of journals and shards: tasks go in, generations come out. Batches are cut from blocks of consecutive
tasks, sorted by size within a block; a backend without batches gets each request as soon as it is prepared. So padding is
small, memory is bounded by two blocks, and a run that was stopped between two batches continues with the same batches that an
uninterrupted run would have had.
"""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Generic, NoReturn, Protocol, TypeVar

from booruflow.captioning.backends.interface import Backend, Failed, Generation, Prepared, Request
from booruflow.captioning.skipped import Skips, skip_unreadable
from booruflow.core.errors import Unreadable, UserError
from booruflow.core.progress import Pace, progress

if TYPE_CHECKING:
    from tqdm import tqdm

BATCHES_PER_BLOCK = 4
BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"  # without the bar's own time left
STOP_SECONDS = 0.5
"""While a request is prepared, which may load a model: the time between two looks at the signals."""
DOUBT_AFTER_FAILURES = 8
"""After this many failures in a row, a probe shows whether the backend is broken."""


class Task(Protocol):
    """One caption to generate."""

    @property
    def id(self) -> int:
        """The post's id."""

    def request(self) -> Request:
        """Read and decode what the request needs; called in a thread.

        Raises:
            Unreadable: the image cannot be opened.
        """


TaskT = TypeVar("TaskT", bound=Task)


class Stop:
    """Whether SIGINT or SIGTERM was received. A second signal ends the process at once."""

    def __init__(self) -> None:
        self.signal = 0
        """The number of the signal, or 0."""

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.signal:
            self.end_at_once()
        self.signal = number
        name = signal.Signals(number).name
        sys.stderr.write(f"{name}: stopping after the captions in progress; send it again to stop at once\n")

    def end_at_once(self) -> NoReturn:
        """End the process: as safe as kill -9, and does not wait for a thread that loads a model."""
        os._exit(128 + self.signal)

    @contextmanager
    def on_signals(self) -> Iterator["Stop"]:
        """Handle the signals while the block runs (in the main thread)."""
        handlers = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


@dataclass
class Meter:
    """What a run generated, and how long it took."""

    captions: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    loading_seconds: float = 0.0
    waiting_seconds: float = 0.0
    """Of `generating_seconds`, the time in which the backend waited for images."""
    generating_seconds: float = 0.0
    """By the clock, from the first request that was ready to the last answer; a trial counts the same."""

    def line(self) -> str:
        """The figures for a log or a progress bar; all time before the first answer is waiting."""
        seconds = max(self.generating_seconds, self.waiting_seconds, 1e-9)
        return f"{self.completion_tokens / seconds:.0f} tokens/s, {self.waiting_seconds / seconds:.0%} waiting for images"


class Engine(Generic[TaskT]):
    """Passes tasks through a backend."""

    def __init__(
        self,
        backend: Backend,
        save: Callable[[list[tuple[TaskT, Generation]]], None],
        stop: Stop,
        threads: int,
        before_batch: Callable[[], None],
        probe: Task,
        pace: Pace,
    ) -> None:
        """Set up; nothing is loaded yet.

        Args:
            backend: what generates.
            save: receives generations as they are finished; when it returns, they are on the disk.
            stop: ends the run early.
            threads: how many threads open and prepare images.
            before_batch: called before each batch; may wait (for a GPU to cool down).
            probe: a request that any working backend answers; see `_probe_backend`.
            pace: the tokens of the answers of earlier runs, for the time left.
        """
        self.backend = backend
        self.meter = Meter()
        self.skips: Skips = {}
        """After `run`: the ids whose image could not be opened, with the reason."""
        self.failed: dict[int, tuple[TaskT, str]] = {}
        """After `run`: the tasks whose requests failed, with the reason, by id."""
        self._save, self._stop, self._threads, self._before_batch, self._probe = save, stop, threads, before_batch, probe
        self._pace = pace
        self._failures_in_a_row, self._loaded = 0, False
        self._last = self._waiting = 0.0
        """When the last answers came, or the first request was ready, and the waiting since then; 0 before that."""
        self._load_error: UserError | None = None
        self._load_lock = threading.Lock()

    def run(self, blocks: Iterable[list[TaskT]], total: int) -> None:
        """Generate all tasks; those that failed are retried once at the end.

        Raises:
            SystemExit: stopped by a signal; the exit code is 128 plus its number, as in shells.
            UserError: the backend cannot load, or it fails: see `_probe_backend`.
        """
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="images")
        try:
            with progress(total, "captions", "images") as bar:
                bar.bar_format = BAR
                failed = self._pass(blocks, pool, bar)
                self.failed = self._pass([[task] for task, _ in failed.values()], pool, bar)
        finally:
            self.backend.close()  # a thread may be waiting for what this ends
            if self._stop.signal and not self._loaded:
                self._stop.end_at_once()
            pool.shutdown(cancel_futures=True)
        if self._stop.signal:
            raise SystemExit(128 + self._stop.signal)

    def _pass(self, blocks: Iterable[list[TaskT]], pool: ThreadPoolExecutor, bar: "tqdm[None]") -> dict[int, tuple[TaskT, str]]:
        """Run each task once; returns the tasks that failed on their own account, with the reason, by id."""
        in_progress: dict[int, TaskT] = {}
        failed: dict[int, tuple[TaskT, str]] = {}
        batches = self._batches(iter(blocks), pool, in_progress, bar)
        while True:
            self._last = self._waiting = 0.0
            for answers in self.backend.generate(self._until_in_doubt(batches)):
                answered = [(in_progress.pop(answer.id), answer) for answer in answers]
                finished = [(task, answer) for task, answer in answered if isinstance(answer, Generation)]
                self._save(finished)
                failed |= {task.id: (task, answer.reason) for task, answer in answered if isinstance(answer, Failed)}
                for answer in answers:
                    self._failures_in_a_row = self._failures_in_a_row + 1 if isinstance(answer, Failed) else 0
                self.meter.captions += len(finished)
                self.meter.prompt_tokens += sum(generation.prompt_tokens for _, generation in finished)
                self.meter.completion_tokens += sum(generation.completion_tokens for _, generation in finished)
                now = time.monotonic()
                self.meter.generating_seconds += now - self._last
                self.meter.waiting_seconds += self._waiting
                self._last, self._waiting = now, 0.0
                bar.update(len(finished))
                self._pace.add(len(finished), sum(generation.completion_tokens for _, generation in finished))
                left = self._pace.seconds_for(bar.total - bar.n)
                time_left = "" if left is None else f", {bar.format_interval(left)} left"
                bar.set_postfix_str(self.meter.line() + time_left, refresh=False)
            if not self._failures_in_a_row or self._stop.signal:
                return failed
            self._probe_backend([reason for _, reason in failed.values()][-self._failures_in_a_row :])

    def _until_in_doubt(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Prepared]]:
        """The batches, until too many requests in a row have failed; the rest stays in `batches`."""
        while self._failures_in_a_row < DOUBT_AFTER_FAILURES and (batch := next(batches, None)) is not None:
            self._last = self._last or time.monotonic()  # what was before is loading
            yield batch

    def _probe_backend(self, reasons: list[str]) -> None:
        """After failures with no success since, find out whose fault they are; the error has the most frequent reason.

        Servers use statuses such as 400, 429 and 500 for a request that they cannot take, and for all when they are broken or a
        quota is used up. So the answer to a probe decides: if there is one, the failures are the requests' own.

        Raises:
            UserError: it fails as well.
        """
        prepared = self.backend.prepare(self._probe.request())
        answers = [answer for part in self.backend.generate(iter([[prepared]])) for answer in part]
        if not all(isinstance(answer, Generation) for answer in answers):
            count = f"{self._failures_in_a_row} caption requests in a row" if self._failures_in_a_row > 1 else "a caption request"
            raise self.backend.broken(f"{count} failed ({max(reasons, key=reasons.count)}), and so did a test with a plain image")
        self._failures_in_a_row = 0

    def _batches(
        self, blocks: Iterator[list[TaskT]], pool: ThreadPoolExecutor, in_progress: dict[int, TaskT], bar: "tqdm[None]"
    ) -> Iterator[list[Prepared]]:
        """Prepared batches; threads open the next block while this one is generated. Ends early at `stop`."""
        opened: deque[list[tuple[TaskT, Future[Prepared]]]] = deque()
        while True:
            while len(opened) < 2 and (block := next(blocks, None)) is not None:
                opened.append([(task, pool.submit(self._prepare, task, bar)) for task in block])
            if not opened:
                return
            prepared, requests = list[Prepared](), opened.popleft()
            for number, (task, future) in enumerate(requests, 1):
                start = time.monotonic()
                try:
                    if not self._wait_for(future):
                        return
                    prepared.append(future.result())
                    in_progress[task.id] = task
                except Unreadable as error:
                    self.skips[task.id] = skip_unreadable(error)
                    bar.update()
                if self._last:
                    self._waiting += time.monotonic() - start
                if number < len(requests) and self.backend.batch_size > 1:
                    continue
                for batch in make_batches(prepared, self.backend.batch_size):
                    self._before_batch()
                    if self._stop.signal:
                        return
                    yield batch
                prepared = []

    def _wait_for(self, future: "Future[Prepared]") -> bool:
        """Wait for a request to be prepared; False if a signal came first."""
        while not self._stop.signal:
            if wait([future], STOP_SECONDS).done:
                return True
        return False

    def _prepare(self, task: TaskT, bar: "tqdm[None]") -> Prepared:
        """Open and prepare one request; the first one whose image opens makes the backend load."""
        request = task.request()
        with self._load_lock:
            if self._load_error is not None:
                raise self._load_error
            if not self._loaded:
                start = time.monotonic()
                try:
                    self.backend.load()
                except UserError as error:
                    self._load_error = error  # so that no other thread tries it again
                    raise
                self._loaded = True
                self.meter.loading_seconds = time.monotonic() - start
                bar.unpause()  # the rate shown is that of generation
        return self.backend.prepare(request)


def make_batches(requests: list[Prepared], max_size: int) -> Iterator[list[Prepared]]:
    """Batches of at most `max_size` requests, the largest first, none less than half as large as its batch's largest.

    Without its first batches, the rest of the requests gives the same further batches.
    """
    batch: list[Prepared] = []
    for prepared in sorted(requests, key=lambda prepared: (-prepared.size, prepared.id)):
        if batch and (len(batch) == max_size or prepared.size * 2 < batch[0].size):
            yield batch
            batch = []
        batch.append(prepared)
    if batch:
        yield batch


def merge_short_blocks(blocks: Iterable[list[TaskT]], min_size: int) -> Iterator[list[TaskT]]:
    """Join adjacent blocks until they fill a batch; blocks that do already stay as they are.

    So a block that a stopped run left half done keeps its batches, and scattered tasks do not run in tiny batches.
    """
    merged: list[TaskT] = []
    for block in blocks:
        merged += block
        if len(merged) >= min_size:
            yield merged
            merged = []
    if merged:
        yield merged
