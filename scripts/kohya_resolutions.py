"""Rule kohya_resolutions: the resolutions of an existing kohya metadata file as parquet."""

from booruflow.core.jobs import job
from booruflow.sources.foreign_json import kohya_to_parquet

with job(snakemake.log[0], snakemake.rule):
    kohya_to_parquet(snakemake.input.json, snakemake.output.parquet)
