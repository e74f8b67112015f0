"""The jobs of a run that are at work, from the process table."""

import re
from pathlib import Path

from projects import Project


def running_jobs(project: Project) -> dict[str, int]:
    """The scripts that Snakemake's jobs run at the moment -> process id of one such job."""
    scripts = re.escape(str(project.folder / ".snakemake/scripts")) + r"/[^/]+\.(\w+)\.py"
    jobs = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program, *arguments = (process / "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            continue  # ended meanwhile
        if "python" in program:
            jobs.update({found[1]: int(process.name) for each in arguments if (found := re.fullmatch(scripts, each))})
    return jobs
