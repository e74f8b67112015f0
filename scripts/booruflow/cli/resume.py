"""Continue after Snakemake itself was killed: stop what it left behind, unlock, run again."""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from booruflow.core.errors import UserError, counted_noun
from booruflow.review.processes import processes_in

STOP_TIMEOUT = 60
"""Seconds that a job has to stop before it is killed; a model answers within a batch."""


def resume_run(folder: Path, arguments: Sequence[str]) -> int:
    """Stop the orphaned jobs of a killed run in `folder`, remove its lock and run Snakemake with `arguments`.

    Returns: the exit code of Snakemake.

    Raises:
        UserError: `folder` is no data set, or Snakemake is still running in it.
    """
    if not (folder / "config.yaml").exists():
        raise UserError(f"{folder}/config.yaml: no such file: run this in the folder of a data set")
    workers = list(processes_in(folder))
    jobs = [worker.process for worker in workers if worker.is_job]
    runs = [worker.process for worker in workers if worker.is_snakemake and not worker.is_job]
    if runs:
        raise UserError(f"{folder}: snakemake is still running (process {runs[0].pid}): wait for it or stop it with Ctrl-C")
    _stop(jobs)
    if jobs:
        print(f"{counted_noun(len(jobs), 'job')} of the killed run stopped", flush=True)
    snakemake = [sys.executable, "-m", "snakemake"]
    if code := subprocess.run([*snakemake, "--unlock"], cwd=folder).returncode:
        return code  # it has said why, such as an error in config.yaml
    return subprocess.run([*snakemake, "--rerun-incomplete", *arguments], cwd=folder).returncode


def _stop(jobs: Sequence[psutil.Process]) -> None:
    """Ask jobs to stop, and kill those that have not ended in time."""
    for end in (psutil.Process.terminate, psutil.Process.kill):
        alive = [job for job in jobs if _runs(job)]
        for job in alive:
            with suppress(psutil.NoSuchProcess):
                end(job)
        deadline = time.monotonic() + STOP_TIMEOUT
        while any(map(_runs, alive)) and time.monotonic() < deadline:
            time.sleep(0.05)


def _runs(job: psutil.Process) -> bool:
    """Whether a job has not ended. One that has may stay as a zombie: the first process of a container need not collect it."""
    try:
        return bool(job.is_running() and job.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
