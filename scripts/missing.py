"""Rules missing and missing_final: the posts that lack tags, a caption or a latent."""

from booruflow.idjson import read_entries, read_ids
from booruflow.job import job
from booruflow.latents import without_unreadable
from booruflow.missing import lacking, write_missing
from booruflow.progress import counted
from booruflow.tables import read_stream, rows_of

with job(snakemake.log[0], snakemake.rule):
    given = snakemake.input
    posts = counted(read_stream(given.posts, ["id"]), rows_of(given.posts), "missing")
    skipped = [read_entries(path) for path in given.get("skipped", [])]
    latents = without_unreadable(read_stream(given.latents, ["id"]), skipped)
    write_missing(snakemake.output.missing, lacking(posts, [read_ids(given.tags), read_ids(given.captions), latents]))
