"""Continue after Snakemake itself was killed: stop what it left behind, unlock, run again."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from booruflow.core.errors import UserError, counted_noun
from booruflow.review.processes import Worker, processes_in

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
        print(f"{counted_noun(len(jobs), 'job')} of the killed run stopped", flush=True)
    snakemake = [sys.executable, "-m", "snakemake"]
    if code := subprocess.run([*snakemake, "--unlock"], cwd=folder).returncode:
        return code  # it has said why, such as an error in config.yaml
    return subprocess.run([*snakemake, "--rerun-incomplete", *arguments], cwd=folder).returncode


def _is_job(worker: Worker, folder: Path) -> bool:
    """Whether a process runs the script of a Snakemake job."""
    return any(part.startswith(str(folder / ".snakemake/scripts")) for part in worker.command[1:])
