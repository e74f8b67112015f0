"""Rule verify: compare all products with the manifest, and run the consistency checks again."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.products.checks.verify import verify

with job(snakemake.log[0], snakemake.rule):
    params = snakemake.params
    verify(Path(params.results), Path(params.records), params.image_name, snakemake.threads)
