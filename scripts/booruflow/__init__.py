"""The library behind the rules: importable and tested without Snakemake."""

import sys
from pathlib import Path


def _remove_site_packages_of_snakemake() -> None:
    """Remove Snakemake's site-packages from the path of a job that runs in a conda environment of its own.

    Snakemake appends them to unpickle the job's parameters; a package that the environment lacks would be found there.
    """
    snakemake = getattr(sys.modules.get("snakemake"), "__file__", None)
    if snakemake and not Path(snakemake).is_relative_to(sys.prefix):
        site_packages = str(Path(snakemake).parents[1])
        sys.path[:] = [entry for entry in sys.path if entry != site_packages]


_remove_site_packages_of_snakemake()
