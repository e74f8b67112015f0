"""Progress bars with rate and time left, for a terminal and for log files."""

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

Rows = TypeVar("Rows", bound=Sized)
PACE_SECONDS = 60.0
SHOWN_AFTER = 10.0
"""Seconds; what ends earlier shows no bar."""


class Pace:
    """The time that is left, of items that take different amounts of work: the work done a second over the last minute.

    Counting items would be wrong at first, since those with little work are finished first. `items` and `work` are those of
    earlier runs.
    """

    def __init__(self, items: int = 0, work: float = 0.0) -> None:
        self._items, self._work = items, work
        self._marks: deque[tuple[float, float]] = deque()

    def add(self, items: int, work: float) -> None:
        """So many items more are finished, with so much work."""
        now = time.monotonic()
        self._items += items
        self._work += work
        self._marks.append((now, self._work))
        while len(self._marks) > 2 and now - self._marks[0][0] > PACE_SECONDS:
            self._marks.popleft()

    def seconds_for(self, items: int) -> float | None:
        """The time that so many items take; None while the pace is not known."""
        if not self._items or len(self._marks) < 2:
            return None
        (start, before), (now, done) = self._marks[0], self._marks[-1]
        return items * (self._work / self._items) * (now - start) / (done - before) if done > before else None


def progress(total: int | None, label: str, unit: str = "posts") -> "tqdm[None]":
    """A progress bar on standard error, a context manager: call `bar.update(n)` after n more `unit`.

    It appears after SHOWN_AFTER seconds. On a terminal it redraws twice a second; in a log file it prints a line every ten
    seconds, and one at the end.
    """
    live = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=label,
        unit=f" {unit}",
        unit_scale=True,
        delay=SHOWN_AFTER,
        mininterval=0.5 if live else 10,
        dynamic_ncols=live,
        ascii=not live,
        file=sys.stderr,
    )


def counted(stream: Iterable[Rows], total: int | None, label: str) -> Iterator[Rows]:
    """Pass on a stream of frames and show progress in rows."""
    with progress(total, label) as bar:
        for frame in stream:
            yield frame
            bar.update(len(frame))
