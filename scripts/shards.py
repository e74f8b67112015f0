"""Rule shards: the posts without a caption, dealt out to the caption jobs."""

from booruflow.job import job
from booruflow.missing import missing_ids
from booruflow.shards import request_rows, write_shards
from booruflow.tables import read_stream

with job(snakemake.log[0], snakemake.rule):
    rows = request_rows(
        missing_ids(snakemake.input.missing, "caption"),
        read_stream(snakemake.input.posts, ["id", "general", "character", "artist", "has_metadata"]),
        read_stream(snakemake.input.pictures),
        snakemake.params.underscores,
    )
    write_shards(snakemake.output.json, snakemake.output.tables, rows)
