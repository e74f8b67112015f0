"""Rule shards: the posts without a caption, dealt out to the caption jobs."""

from booruflow.job import job
from booruflow.missing import missing_ids
from booruflow.progress import counted
from booruflow.shards import request_rows, write_shards
from booruflow.tables import read_stream, rows_of

with job(snakemake.log[0], snakemake.rule):
    posts = snakemake.input.posts
    rows = request_rows(
        missing_ids(snakemake.input.missing, "caption"),
        counted(read_stream(posts, ["id", "general", "character", "artist", "has_metadata"]), rows_of(posts), "shards"),
        read_stream(snakemake.input.pictures),
        snakemake.params.underscores,
    )
    write_shards(snakemake.output.json, snakemake.output.tables, rows)
