"""Rule posts: the id list with its metadata, checked and sorted by id."""

from booruflow.files import spool_beside
from booruflow.job import job
from booruflow.posts import SCHEMA, posts_of, restricted
from booruflow.tables import sorted_rows, write_stream

with job(snakemake.log[0], snakemake.rule):
    target = snakemake.output.posts
    stream = posts_of(snakemake.input.metadata, snakemake.params.columns, spool_beside(target))
    if snakemake.input.latents:
        known = sorted_rows([snakemake.input.latents], "id", [], spool_beside(target, "ids"), "id list")
        stream = restricted(stream, known)
    write_stream(target, stream, SCHEMA)
