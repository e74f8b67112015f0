"""Rule subset: the products for the posts that match a filter."""

from booruflow.core.idjson import read_entries, write_entries
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.streams import only
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.meta_lat import lat_rows, write_lat
from booruflow.products.subset import matches
from booruflow.products.trainable import read_skipped, without_unreadable
from booruflow.sources.posts import TAG_CATEGORIES

with job(snakemake.log[0], snakemake.rule):
    given, made = snakemake.input, snakemake.output
    columns = ["id", "rating", "score", *TAG_CATEGORIES]
    every = counted(read_stream(given.posts, columns), rows_of(given.posts), "posts")
    posts = [frame.filter(matches(snakemake.params.filter)).select("id") for frame in every]
    write_entries(made.tags, only(posts, read_entries(given.tags, "tags")))
    write_entries(made.captions, only(posts, read_entries(given.captions, "captions")))
    resolutions = without_unreadable(read_stream(given.resolutions), [read_skipped(path) for path in given.skipped])
    rows = lat_rows(read_entries(made.tags), read_entries(made.captions), only(posts, resolutions))
    write_lat(made.json, made.jsonl, rows, snakemake.params.key, snakemake.params.folder)
