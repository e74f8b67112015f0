"""Runs a part in a process of its own, within its time; whatever happens to it is a row."""

import json
import os
import signal
import subprocess
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gpu_parts.measure import Row

CPU_ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
"""One thread: several on cores that others use as well wait for each other, and a part takes minutes in place of seconds."""

STOPS = {signal.SIGINT, signal.SIGTERM}


def print_rows(name: str, rows: Iterator[Row]) -> None:
    """Print the rows of a part, a line of JSON each; an exception is the last one."""
    for row in rows_or_error(name, rows):
        print(json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}), flush=True)


def rows_or_error(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows; an exception is the last one."""
    try:
        yield from rows
    except Exception as error:  # noqa: BLE001 whatever it is: the other figures count too
        traceback.print_exc()
        yield {"case": f"{name} ended early", "error": f"{type(error).__name__}: {error}"[:300]}


def rows_of_process(command: Sequence[str], environment: Mapping[str, str], log: Path, seconds: float) -> list[Row]:
    """The rows that a command has printed until its end or until its time was over; its other output is in `log`."""
    with log.open("w") as stderr, tempfile.TemporaryFile("w+") as stdout:
        process = None
        try:
            with stops_held():
                process = subprocess.Popen(
                    command, env={**os.environ, **environment}, stdout=stdout, stderr=stderr, start_new_session=True
                )
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process:
                kill_group(process)
        stdout.seek(0)
        rows = [json.loads(line) for line in stdout.read().splitlines() if line.startswith("{")]
    if status is None:
        rows.append({"case": "stopped", "error": f"not done after {seconds:.0f} s"})
    elif status:
        rows.append({"case": "ended early", "error": f"exit status {status}, see {log.name}"})
    return rows


@contextmanager
def stops_held() -> Iterator[None]:
    """Let a signal that stops the benchmark wait: one that came in the middle of a start would leave the part running.

    To block it does not help: another thread of the process would take it, and its handler runs in this one.
    """
    held: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: held.append(number)) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in held:
            signal.raise_signal(number)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a part and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
