"""Rule posts: the id list with its metadata, checked and sorted by id."""

from booruflow.core.files import spool_beside
from booruflow.core.jobs import job
from booruflow.core.tables import write_stream
from booruflow.sources.posts import SCHEMA, id_list, posts_of, restricted

with job(snakemake.log[0], snakemake.rule):
    given, target, columns = snakemake.input, snakemake.output.posts, snakemake.params.columns
    stream = posts_of(given.metadata, columns, spool_beside(target))
    if given.resolutions:
        stream = restricted(stream, id_list(given.metadata, columns["id"], given.resolutions, spool_beside(target, "ids")))
    write_stream(target, stream, SCHEMA)
