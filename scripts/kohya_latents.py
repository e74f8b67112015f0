"""Rule kohya_latents: the resolutions of an existing kohya metadata file as parquet."""

from booruflow.foreign import kohya_to_parquet
from booruflow.job import job

with job(snakemake.log[0], snakemake.rule):
    kohya_to_parquet(snakemake.input.json, snakemake.output.parquet)
