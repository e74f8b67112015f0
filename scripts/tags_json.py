"""Rule tags_json: the tags of each post as one line."""

from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.tags_json import tags_entries
from booruflow.sources.posts import TAG_CATEGORIES

with job(snakemake.log[0], snakemake.rule):
    posts = snakemake.input.posts
    frames = counted(read_stream(posts, ["id", *TAG_CATEGORIES]), rows_of(posts), "tags")
    write_entries(snakemake.output.tags, (tags_entries(frame, **snakemake.params.tags) for frame in frames))
