"""Continue after Snakemake itself was killed: stop what it left behind, unlock, run again."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from booruflow.core.errors import UserError

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
    processes = list(_processes_in(folder))
    jobs = [process for process in processes if _is_job(process, folder)]
    runs = [process for process in processes if process not in jobs and _is_snakemake(process)]
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
    if code := subprocess.run([*snakemake, "--unlock"], cwd=folder).returncode:
        return code  # it has said why, such as an error in config.yaml
    return subprocess.run([*snakemake, "--rerun-incomplete", *arguments], cwd=folder).returncode


def _processes_in(folder: Path) -> Iterator[psutil.Process]:
    """Other processes whose working directory is `folder`, as far as the user may see them."""
    for process in psutil.process_iter():
        try:
            if process.pid != psutil.Process().pid and Path(process.cwd()) == folder:
                yield process
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def _is_job(process: psutil.Process, folder: Path) -> bool:
    """Whether a process runs the script of a Snakemake job."""
    return any(part.startswith(str(folder / ".snakemake/scripts")) for part in process.cmdline()[1:])


def _is_snakemake(process: psutil.Process) -> bool:
    """Whether a process is Snakemake or one of its worker processes."""
    return any(Path(part).name == "snakemake" for part in process.cmdline()[:3])
