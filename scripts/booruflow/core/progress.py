"""Progress of long steps: how far, how fast, how long still."""

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

Rows = TypeVar("Rows", bound=Sized)


def progress(total: int | None, what: str, unit: str = "posts") -> "tqdm[None]":
    """A progress bar on standard error: `bar.update(n)` after n more `unit`; use it as a context manager.

    On a terminal it redraws twice a second; in a log file it prints a line every ten seconds, and one at the end.
    """
    live = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=what,
        unit=f" {unit}",
        unit_scale=True,
        mininterval=0.5 if live else 10,
        dynamic_ncols=live,
        ascii=not live,
        file=sys.stderr,
    )


def counted(stream: Iterable[Rows], total: int | None, what: str) -> Iterator[Rows]:
    """Pass a stream of frames on, showing how many rows have gone by."""
    with progress(total, what) as bar:
        for frame in stream:
            yield frame
            bar.update(len(frame))
