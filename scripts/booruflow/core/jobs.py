"""What each job does around its work: say what happens on the console and in its log, and stop cleanly."""

import gc
import io
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO, NoReturn

from booruflow.core.errors import UserError


@contextmanager
def job(log: str | Path, name: str) -> Iterator[None]:
    """Run the block as the job `name`: what it says goes to the console, each line led by `[name]`, and to `log`.

    What is written past Python (by C libraries, child processes) goes to the log alone. The block can end in four ways:
    well; by a `UserError`, said in one line, exit code 1; by SIGINT or SIGTERM, which raise SystemExit in the main
    thread so that open blocks clean up, exit code 130 or 143; by any other exception, with its traceback, exit code 1.
    A SystemExit of the block's own keeps its code, or says its text and has exit code 1.
    """
    gc.freeze()  # what is imported stays: nobody need look for garbage there
    with _said_twice(Path(log), name), _stopped_by_signals():
        try:
            yield
        except UserError as error:
            sys.stderr.write(f"error: {error}\n")
            raise SystemExit(1) from None
        except SystemExit as end:
            if not isinstance(end.code, str):
                raise
            sys.stderr.write(f"{end.code}\n")
            raise SystemExit(1) from None
        except KeyboardInterrupt:  # from a handler of the block's own
            raise SystemExit(130) from None
        except BaseException as error:
            traceback.print_exception(error)
            raise SystemExit(1) from error


@contextmanager
def _said_twice(log: Path, name: str) -> Iterator[None]:
    """Send standard output and error to the console and to `log`; the file descriptor 2 to `log` alone."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    with log.open("wb", buffering=0) as file, os.fdopen(os.dup(2), "wb") as console:
        os.dup2(file.fileno(), 2)
        tee = Tee(console, file, f"[{name}] ")
        try:
            with redirect_stdout(tee), redirect_stderr(tee):
                yield
        finally:
            tee.end()
            os.dup2(console.fileno(), 2)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Make the first SIGINT or SIGTERM raise SystemExit in the main thread; later ones do not disturb the cleaning."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        sys.stderr.write(f"stopped by {signal.Signals(number).name}\n")
        raise SystemExit(128 + number)

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class Tee(io.TextIOBase):
    """A text stream to the console and a log, line by line, from any thread.

    A progress bar redraws its line with a carriage return: each redrawing becomes a line. A log that cannot be written
    does not end the job; the console tells it once.
    """

    encoding = "utf-8"

    def __init__(self, console: BinaryIO, log: BinaryIO, lead: str) -> None:
        self._console = console
        self._log = log
        self._lead = lead
        self._lock = threading.RLock()  # a signal handler may write while its own thread does
        self._begun: dict[int, str] = {}
        self._told = False

    def write(self, text: str, /) -> int:
        """Say each line that is complete; what is begun waits, thread by thread, for its end."""
        thread = threading.get_ident()
        with self._lock:
            *lines, rest = re.split("[\r\n]", self._begun.pop(thread, "") + text)
            if text.startswith("\r"):
                lines.append(rest)
            elif rest:
                self._begun[thread] = rest
            for line in filter(str.strip, lines):
                self._say(line.rstrip())
        return len(text)

    def _say(self, line: str) -> None:
        try:
            self._log.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError as error:  # as on a full disk; the error to come of the product is what counts
            if not self._told:
                self._told = True
                self._say_on_console(f"the log cannot be written ({error.strerror}): lines are on the console alone")
        self._say_on_console(line)

    def _say_on_console(self, line: str) -> None:
        with suppress(OSError):  # a console that is gone must not end the job
            self._console.write(f"{self._lead}{line}\n".encode("utf-8", "backslashreplace"))
            self._console.flush()

    def end(self) -> None:
        """Say what was begun."""
        with self._lock:
            for line in self._begun.values():
                self._say(line)
            self._begun.clear()

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Never: several jobs share the console, so that bars write lines."""
        return False

    def fileno(self) -> int:
        """Where child processes write: the log."""
        return self._log.fileno()
