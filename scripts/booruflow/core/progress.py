"""Progress bars with rate and time left, for a terminal and for log files."""

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

Rows = TypeVar("Rows", bound=Sized)


def progress(total: int | None, label: str, unit: str = "posts") -> "tqdm[None]":
    """A progress bar on standard error, a context manager: call `bar.update(n)` after n more `unit`.

    On a terminal it redraws twice a second; in a log file it prints a line every ten seconds, and one at the end.
    """
    live = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=label,
        unit=f" {unit}",
        unit_scale=True,
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
