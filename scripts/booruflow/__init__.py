"""The library behind the rules: importable and tested without Snakemake."""

import sys
from pathlib import Path


def _own_environment_only() -> None:
    """Take Snakemake's site-packages from the path of a job that runs in an environment of its own.

    Snakemake appends them for its own sake, and a package that the environment lacks would be found there by accident.
    """
    runner = getattr(sys.modules.get("snakemake"), "__file__", None)
    if runner and not Path(runner).is_relative_to(sys.prefix):
        packages = str(Path(runner).parents[1])
        sys.path[:] = [entry for entry in sys.path if entry != packages]


_own_environment_only()
