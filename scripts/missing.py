"""Rules missing and missing_final: the posts that lack tags, a caption or a latent."""

from booruflow.core.idjson import read_entries, read_entry_ids
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.tables import read_stream, rows_of
from booruflow.sources.missing import lacking, write_missing
from booruflow.sources.resolutions import without_unreadable

with job(snakemake.log[0], snakemake.rule):
    given = snakemake.input
    posts = counted(read_stream(given.posts, ["id"]), rows_of(given.posts), "missing")
    skipped = [read_entries(path) for path in given.get("skipped", [])]
    resolutions = without_unreadable(read_stream(given.resolutions, ["id"]), skipped)
    write_missing(
        snakemake.output.missing, lacking(posts, [read_entry_ids(given.tags), read_entry_ids(given.captions), resolutions])
    )
