"""The library behind the rules: importable and tested without Snakemake."""

import gc
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

# Imports, Snakemake and the tables of a policy keep nearly all objects that they make. With Python's defaults the chain of
# 500,000 posts takes 2% more CPU time, and a dry run of the sample 0.7 to 1.2 s of 6 more.
gc.set_threshold(100_000, 20, 100)
