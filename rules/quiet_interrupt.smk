"""Ctrl-C leaves no traceback on the console, neither while Snakemake plans nor while the Python of a job starts.

Needs and makes nothing. `PythonScript` is not part of Snakemake's public interface; tried with Snakemake 9.27.1.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

from snakemake.script import PythonScript

FIRST_LINES = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
"""
"""How a job begins: until `booruflow.core.jobs` handles SIGINT, the signal ends it without a traceback."""


def quiet_preamble(script, original=PythonScript.get_preamble):
    """Snakemake's first lines of a job, after our own if the script is ours; SIGINT stays blocked until these have run."""
    if not (script.is_local and Path(os.path.realpath(script.local_path)).is_relative_to((BASE / "scripts").resolve())):
        return original(script)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # in this thread, which starts the job: a job inherits it
    return FIRST_LINES + original(script)


@contextlib.contextmanager
def sigint_unblocked_after():
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def show_exception(kind, error, trace, original=sys.excepthook):
    if not issubclass(kind, KeyboardInterrupt):
        original(kind, error, trace)


if os.name == "posix":  # Windows has no signal masks
    PythonScript.get_preamble = quiet_preamble
    PythonScript.evaluate = sigint_unblocked_after()(PythonScript.evaluate)
sys.excepthook = show_exception
