"""Rule shards: the posts without a caption, distributed over the caption jobs."""

from booruflow.captioning.shards import request_rows, write_shards
from booruflow.core.idjson import read_entry_ids
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.tables import read_stream, rows_of
from booruflow.sources.missing import without

with job(snakemake.log[0], snakemake.rule):
    posts = snakemake.input.posts
    rows = request_rows(
        without(read_stream(posts, ["id"]), read_entry_ids(snakemake.input.captions)),
        counted(read_stream(posts, ["id", "general", "character", "artist", "has_metadata"]), rows_of(posts), "shards"),
        read_stream(snakemake.input.images),
    )
    write_shards(snakemake.output.json, snakemake.output.tables, rows)
