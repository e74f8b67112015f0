"""Runs an engine for a caption job, and ends it with the job, however the job ends: `python supervisor.py COMMAND...`.

Standard input is a pipe from the job. Its end means that the job is gone, also by kill -9: the engine and all that it has started
are killed at once. A byte in it asks the engine to end by itself first. If this process is killed, the kernel kills the engine.
The engine's output goes where this process's output goes; the exit status is the engine's, as in shells. Linux only.

It inherits the job's lease on the GPU, which the engine does not, so that the GPU is free when this process ends.

It is run as a file, in a process with nothing but the standard library.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
"""From linux/prctl.h: a signal for this process when its parent dies; orphans of its tree become its children."""
GRACE_SECONDS = 10.0
"""The time that an engine has to end by itself."""
NOT_STARTED = 127


def main(command: Sequence[str]) -> int:
    """Run the command until it ends or the job wants it to; returns its exit status."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    supervisor = os.getpid()

    def die_with_the_supervisor() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        engine = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_the_supervisor)
    except OSError as error:
        print(f"{command[0]}: cannot be started ({error.strerror})", flush=True)
        return NOT_STARTED
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the job decides; its end reaches this process through the pipe
    signal.signal(signal.SIGTERM, lambda *_: engine.kill())
    ended = os.pidfd_open(engine.pid)
    if ended not in select.select([0, ended], [], [])[0] and os.read(0, 1):
        engine.terminate()
        select.select([0, ended], [], [], GRACE_SECONDS)
    engine.kill()  # nothing, if it has ended
    status = engine.wait()
    kill_all()
    return 128 - status if status < 0 else status


def kill_all() -> None:
    """Kill all processes below this one, until none is left."""
    while children := descendants(os.getpid()):
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def descendants(root: int) -> set[int]:
    """The processes below a process, without those that have ended and only wait for their parent to notice."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                state, parent = (folder / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[:2]
                parents[int(folder.name)] = (int(parent), state)
    below, found = {root}, set()
    while below:
        below = {pid for pid, (parent, _) in parents.items() if parent in below}
        found |= below
    return {pid for pid in found if parents[pid][1] not in "ZX"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
