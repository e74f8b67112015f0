"""Rule tags_json: the tags of each post as one line."""

from booruflow.idjson import write_entries
from booruflow.job import job
from booruflow.posts import CATEGORIES
from booruflow.progress import counted
from booruflow.tables import read_stream, rows_of
from booruflow.tags import tags_entries

with job(snakemake.log[0], snakemake.rule):
    tags, source = snakemake.params.tags, snakemake.input.posts
    posts = counted(read_stream(source, ["id", *CATEGORIES]), rows_of(source), "tags")
    entries = (tags_entries(frame, **tags) for frame in posts)
    write_entries(snakemake.output.tags, entries)
