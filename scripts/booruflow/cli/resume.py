"""Continue after Snakemake itself was killed: stop what it left behind, unlock, run again."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from booruflow.core.errors import UserError
from booruflow.review.processes import Worker, processes_in

STOP_TIMEOUT = 60
"""Seconds that a job has to stop before it is killed; a model answers within a batch."""


def resume_run(folder: Path, arguments: Sequence[str]) -> int:
    """Stop the orphaned jobs of a killed run in `folder`, remove its lock and run Snakemake with `arguments`.

    Returns: the exit code of Snakemake.

    Raises:
        UserError: Snakemake is still running in `folder`.
    """
    workers = list(processes_in(folder))
    jobs = [worker.process for worker in workers if _is_job(worker, folder)]
    runs = [worker.process for worker in workers if worker.is_snakemake and not _is_job(worker, folder)]
    if runs:
        raise UserError(f"{folder}: snakemake is still running (process {runs[0].pid}): wait for it or stop it with Ctrl-C")
    for job in jobs:
        job.terminate()
    _, alive = psutil.wait_procs(jobs, STOP_TIMEOUT)
    for job in alive:
        job.kill()
    if jobs:
        print(f"{len(jobs)} jobs of the killed run stopped", flush=True)
    snakemake = [sys.executable, "-m", "snakemake"]
    subprocess.run([*snakemake, "--unlock"], cwd=folder, check=True)
    return subprocess.run([*snakemake, "--rerun-incomplete", *arguments], cwd=folder).returncode


def _is_job(worker: Worker, folder: Path) -> bool:
    """Whether a process runs the script of a Snakemake job."""
    return any(part.startswith(str(folder / ".snakemake/scripts")) for part in worker.command[1:])
