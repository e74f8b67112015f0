"""Rule captions_json: captions in JSON files of other tools or earlier runs, converted to parquet."""

from booruflow.core.jobs import job
from booruflow.sources.captions_json import captions_to_parquet

with job(snakemake.log[0], snakemake.rule):
    captions_to_parquet(list(snakemake.input.json), snakemake.output.parquet)
