"""Rule kohya_resolutions: the resolutions in an existing kohya metadata file, converted to parquet."""

from booruflow.core.jobs import job
from booruflow.sources.kohya_resolutions import kohya_to_parquet

with job(snakemake.log[0], snakemake.rule):
    kohya_to_parquet(snakemake.input.json, snakemake.output.parquet)
