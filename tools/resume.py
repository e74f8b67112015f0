"""Go on after Snakemake itself was killed (kill -9, out of memory, power): one command for the whole way back.

    python tools/resume.py [arguments of snakemake]

Run it in the folder of the killed run, with that run's arguments. Jobs that the killed run left behind are asked to stop
(a caption job keeps what it has finished), the stale lock is removed, and Snakemake goes on; incomplete files are made again.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

PATIENCE = 60
"""Seconds that a job has for stopping; a model that generates answers within a batch."""


def processes_here(folder: Path) -> Iterator[psutil.Process]:
    """The user's other processes that run in a folder."""
    for process in psutil.process_iter():
        try:
            if process.pid != psutil.Process().pid and Path(process.cwd()) == folder:
                yield process
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def is_job(process: psutil.Process, folder: Path) -> bool:
    """Whether a process runs a script for Snakemake."""
    return any(part.startswith(str(folder / ".snakemake/scripts")) for part in process.cmdline()[1:])


def is_run(process: psutil.Process) -> bool:
    """Whether a process is Snakemake at work, or one of its children."""
    program = process.cmdline()[:3]
    return any(Path(part).name == "snakemake" for part in program)


def main(arguments: list[str]) -> int:
    """Stop what is left behind, unlock, go on; returns the exit code of Snakemake."""
    folder = Path.cwd()
    here = list(processes_here(folder))
    if runs := [process for process in here if is_run(process) and not is_job(process, folder)]:
        sys.exit(f"snakemake is still at work here (process {runs[0].pid}): wait for it or stop it with Ctrl-C")
    jobs = [process for process in here if is_job(process, folder)]
    for job in jobs:
        job.terminate()
    _, alive = psutil.wait_procs(jobs, PATIENCE)
    for job in alive:
        job.kill()
    print(f"{len(jobs)} jobs of the killed run stopped")
    snakemake = [sys.executable, "-m", "snakemake"]
    subprocess.run([*snakemake, "--unlock"], check=True)
    return subprocess.run([*snakemake, "--rerun-incomplete", *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
