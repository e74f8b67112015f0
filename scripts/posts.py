"""Rule posts: the id list with its metadata, checked and sorted by id."""

from booruflow.core.errors import counted_noun
from booruflow.core.files import spool_beside
from booruflow.core.jobs import job
from booruflow.core.tables import write_stream
from booruflow.sources.posts import id_list, posts_of, posts_schema_of, restrict

with job(snakemake.log[0], snakemake.rule):
    metadata, resolutions = snakemake.input.metadata, snakemake.input.resolutions
    target, columns = snakemake.output.posts, snakemake.params.columns
    posts = posts_of(metadata, columns, spool_beside(target))
    if resolutions:
        posts = restrict(posts, id_list(metadata, columns["id"], resolutions, spool_beside(target, "ids")))
    print(counted_noun(write_stream(target, posts, posts_schema_of(metadata, columns)), "post"))
