"""Rule captions_json: captions in JSON files of other tools or earlier runs as parquet."""

from booruflow.foreign import captions_to_parquet
from booruflow.job import job

with job(snakemake.log[0], snakemake.rule):
    captions_to_parquet(list(snakemake.input.json), snakemake.output.parquet)
