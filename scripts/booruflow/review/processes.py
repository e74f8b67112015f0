"""Processes of this machine that work in a folder."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil


class Worker(NamedTuple):
    """A process, with its command line."""

    process: psutil.Process
    command: list[str]

    @property
    def is_snakemake(self) -> bool:
        """Whether it is Snakemake, or one of its worker processes."""
        return any(Path(part).name == "snakemake" for part in self.command[:3])

    @property
    def is_job(self) -> bool:
        """Whether it runs the script of a rule; it goes on when Snakemake alone is killed."""
        return any("/.snakemake/scripts/" in part for part in self.command[1:])


def processes_in(folder: Path) -> Iterator[Worker]:
    """Other processes whose working directory is `folder`, as far as the user may see them."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and Path(process.cwd()) == folder:
                yield Worker(process, process.cmdline())
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
