"""Rule subset: the products for the posts that match a filter."""

from booruflow.idjson import read_entries, write_entries
from booruflow.job import job
from booruflow.latents import without_unreadable
from booruflow.meta import lat_rows, write_lat
from booruflow.posts import CATEGORIES
from booruflow.progress import counted
from booruflow.subsets import matches, only
from booruflow.tables import read_stream, rows_of

with job(snakemake.log[0], snakemake.rule):
    given, made = snakemake.input, snakemake.output
    columns = ["id", "rating", "score", *CATEGORIES]
    every = counted(read_stream(given.posts, columns), rows_of(given.posts), "posts")
    posts = [frame.filter(matches(snakemake.params.filter)).select("id") for frame in every]
    write_entries(made.tags, only(posts, read_entries(given.tags, "tags")))
    write_entries(made.captions, only(posts, read_entries(given.captions, "captions")))
    latents = without_unreadable(read_stream(given.latents), [read_entries(path) for path in given.skipped])
    rows = lat_rows(read_entries(made.tags), read_entries(made.captions), only(posts, latents))
    write_lat(made.json, made.jsonl, rows, snakemake.params.key, snakemake.params.folder)
