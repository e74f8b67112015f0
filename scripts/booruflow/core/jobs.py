"""The frame of a job: its output goes to the console and to its log, and errors and signals end it cleanly."""

import io
import os
import re
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO, NoReturn

from booruflow.core.errors import UserError

ALLOCATOR_SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:10000",
    "MIMALLOC_PURGE_DELAY": "10000",
}
"""Environment variables of jobs: a process keeps freed memory, up to 256 MiB in numpy (glibc), for 10 s in polars (jemalloc) and
arrow (mimalloc). By default the memory of each batch is returned to the system and requested again; then the chain of 500,000
posts takes 5% longer (benchmarks/chain.py, medians of three)."""


RUN_CONSOLE = "BOORUFLOW_CONSOLE"
"""Environment variable that is set where the console of the run (`booruflow.cli.console`) shows what jobs found, their warnings
and errors, which it reads in their logs."""

DONE, WARNING, ERROR = "done: ", "warning: ", "error: "
"""How lines of a log begin: the last one of a job that has succeeded, with what it found; a warning; the error of the user."""

MAX_FOUND = 10
"""Lines of what a job found that its last line holds."""

CURSOR_UP = "\x1b[A"
"""What a progress bar writes to return to the line of another one."""


@contextmanager
def job(log: str | Path, name: str) -> Iterator[None]:
    """Run the block as the job `name`: its output goes to `log`, and to the console with `[name]` before each line.

    What it prints, other than warnings, is what it found. Under RUN_CONSOLE that, warnings and errors are left to the console of
    the run: they stand in the log only, what it found in the last line once more. Output that bypasses Python (from C libraries
    and child processes) goes to the log only. Exit codes: 0 at the normal end; 1 with one line for a `UserError`, and with a
    traceback for any other exception; 130 or 143 for SIGINT or SIGTERM, which raise SystemExit in the main thread so that open
    blocks clean up. A SystemExit of the block keeps its code; if it carries a text, this is printed and the exit code is 1.
    """
    with _tee_output(Path(log), name) as found, _exit_on_signals():
        try:
            yield
            if RUN_CONSOLE in os.environ:
                found.write_done()
        except UserError as error:
            sys.stderr.write(f"{ERROR}{error}\n")
            raise SystemExit(1) from None
        except SystemExit as end:
            if not isinstance(end.code, str):
                raise
            sys.stderr.write(f"{end.code}\n")
            raise SystemExit(1) from None
        except KeyboardInterrupt:  # from a signal handler that the block has set
            raise SystemExit(130) from None
        except BaseException as error:
            traceback.print_exception(error)
            raise SystemExit(1) from error


@contextmanager
def _tee_output(log: Path, name: str) -> Iterator["Tee"]:
    """Send Python's standard output and error to the console and to `log`, file descriptor 2 to `log` only; yields the output."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    with log.open("wb", buffering=0) as file, os.fdopen(os.dup(2), "wb") as console:
        os.dup2(file.fileno(), 2)
        output = Output(console, file, f"[{name}] ")
        found, said = Tee(output, shown=RUN_CONSOLE not in os.environ), Tee(output, shown=True)
        try:
            with redirect_stdout(found), redirect_stderr(said):
                yield found
        finally:
            found.finish()
            said.finish()
            os.dup2(console.fileno(), 2)


@contextmanager
def _exit_on_signals() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM raise SystemExit in the main thread; later ones do not interrupt the cleanup."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        sys.stderr.write(f"stopped by {signal.Signals(number).name}\n")
        raise SystemExit(128 + number)

    previous = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in previous:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


class Output:
    """The log and the console of a job. If the log cannot be written, the job goes on and one line on the console says so."""

    def __init__(self, console: BinaryIO, log: BinaryIO, prefix: str) -> None:
        self.lock = threading.RLock()  # a signal handler may write while its own thread does
        self._console = console
        self._log = log
        self._prefix = prefix
        self._log_failed = False

    def write_line(self, line: str, shown: bool) -> None:
        """Write a line to the log; and to the console, if it is `shown` or cannot be logged."""
        try:
            self._log.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError as error:  # such as a full disk: the job's own error, when its product fails, is what counts
            if not self._log_failed:
                self._log_failed = True
                self._write_to_console(f"the log cannot be written ({error.strerror}): lines appear on the console only")
        left_to_run = RUN_CONSOLE in os.environ and line.startswith((WARNING, ERROR))
        if (shown and not left_to_run) or self._log_failed:
            self._write_to_console(line)

    def _write_to_console(self, line: str) -> None:
        with suppress(OSError):  # a closed console must not end the job
            self._console.write(f"{self._prefix}{line}\n".encode("utf-8", "backslashreplace"))
            self._console.flush()

    def fileno(self) -> int:
        """The file descriptor of the log."""
        return self._log.fileno()


class Tee(io.TextIOBase):
    """A text stream to the output of a job, line by line, from any thread.

    A progress bar redraws its line with a carriage return: each state becomes a line.
    """

    encoding = "utf-8"

    def __init__(self, output: Output, shown: bool) -> None:
        self._output = output
        self._shown = shown
        self._unfinished: dict[int, str] = {}
        self._last: deque[str] = deque(maxlen=MAX_FOUND)

    def write(self, text: str, /) -> int:
        """Write each complete line; the rest waits, per thread, for its end."""
        thread = threading.get_ident()
        with self._output.lock:
            *lines, rest = re.split("[\r\n]", self._unfinished.pop(thread, "") + text.replace(CURSOR_UP, ""))
            if text.startswith("\r"):
                lines.append(rest)
            elif rest:
                self._unfinished[thread] = rest
            for line in filter(str.strip, lines):
                self._write_line(line.rstrip())
        return len(text)

    def _write_line(self, line: str) -> None:
        self._last.append(line)
        self._output.write_line(line, self._shown)

    def finish(self) -> None:
        """Write unfinished lines."""
        with self._output.lock:
            for line in self._unfinished.values():
                self._write_line(line)
            self._unfinished.clear()

    def write_done(self) -> None:
        """Write the last lines again as one, after DONE; nothing if there are none."""
        self.finish()
        if found := [line for line in self._last if not line.startswith(WARNING)]:
            self._output.write_line(DONE + "; ".join(found), shown=False)

    def writable(self) -> bool:
        """Always true."""
        return True

    def isatty(self) -> bool:
        """Always false: several jobs share the console, so progress bars print lines."""
        return False

    def fileno(self) -> int:
        """The file descriptor of the log, for child processes."""
        return self._output.fileno()
