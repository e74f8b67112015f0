"""Rule posts: the id list with its metadata, checked and sorted by id."""

from booruflow.files import spool_beside
from booruflow.job import job
from booruflow.posts import SCHEMA, id_list, posts_of, restricted
from booruflow.tables import write_stream

with job(snakemake.log[0], snakemake.rule):
    given, target, columns = snakemake.input, snakemake.output.posts, snakemake.params.columns
    stream = posts_of(given.metadata, columns, spool_beside(target))
    if given.latents:
        stream = restricted(stream, id_list(given.metadata, columns["id"], given.latents, spool_beside(target, "ids")))
    write_stream(target, stream, SCHEMA)
