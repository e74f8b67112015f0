"""`booruflow progress`: what is captioned.

With `--watch` a few lines that are redrawn in a terminal, or one line now and then in a file or pipe.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from booruflow.review.live_progress import Progress, Watch
from booruflow.review.progress_text import progress_lines

REDRAW_SECONDS, LINE_SECONDS = 2.0, 30.0
CLEAR_LINE, CLEAR_BELOW, UP = "\x1b[2K", "\x1b[0J", "\x1b[{}A"
SPARE_LINES = 8
"""Of the terminal, for what is not a shard."""


def show_progress(folder: Path, out: TextIO) -> None:
    """Show the progress of the data set in a folder, with all shards.

    Raises:
        UserError: as `Watch`.
    """
    out.write("".join(f"{line}\n" for line in progress_lines(Watch(folder).read())))


def watch_progress(folder: Path, out: TextIO, sleep: Callable[[float], None] = time.sleep) -> None:
    """Show the progress of the data set in a folder until all shards are done or Ctrl-C is pressed.

    Raises:
        UserError: as `Watch`.
    """
    watch, drawn, live = Watch(folder), 0, out.isatty()
    try:
        while True:
            progress = watch.read()
            if live:
                drawn = _redraw(progress, out, drawn)
            else:
                out.write("; ".join(progress_lines(progress, 0)) + "\n")
                out.flush()
            if progress.over:
                return
            sleep(REDRAW_SECONDS if live else LINE_SECONDS)
    except (KeyboardInterrupt, BrokenPipeError):
        return  # what is drawn stays


def _redraw(progress: Progress, out: TextIO, drawn: int) -> int:
    """Draw over the `drawn` lines of the last time, cut to the terminal; returns the number of lines."""
    width, height = shutil.get_terminal_size()
    lines = progress_lines(progress, max(height - SPARE_LINES - len(progress.gpus), 1))[: height - 1]
    up = UP.format(drawn) if drawn else ""
    out.write(up + "".join(f"\r{CLEAR_LINE}{line[: width - 1]}\n" for line in lines) + CLEAR_BELOW)
    out.flush()
    return len(lines)
