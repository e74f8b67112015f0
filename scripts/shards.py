"""Rule shards: the posts without a caption, distributed over the caption jobs."""

from booruflow.captioning.shards import request_rows, write_shards
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.tables import read_stream, rows_of
from booruflow.sources.missing import read_missing

with job(snakemake.log[0], snakemake.rule):
    posts = snakemake.input.posts
    rows = request_rows(
        read_missing(snakemake.input.missing, "caption"),
        counted(read_stream(posts, ["id", "general", "character", "artist", "has_metadata"]), rows_of(posts), "shards"),
        read_stream(snakemake.input.images),
        snakemake.params.underscores,
    )
    write_shards(snakemake.output.json, snakemake.output.tables, rows)
