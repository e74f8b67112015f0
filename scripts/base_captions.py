"""Rule base_captions: the captions that exist already, of the posts of the run."""

from booruflow.core.files import spool_beside
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.sources.base_captions import caption_entries, caption_streams, captions_of_posts
from booruflow.sources.posts import id_list

with job(snakemake.log[0], snakemake.rule):
    source, params, target = snakemake.input, snakemake.params, snakemake.output.captions
    captions = caption_streams(params.sources, params.converted, source.tables, target)
    # the ids of the inputs, not of posts.parquet: this rule need not wait for it
    ids = id_list(source.metadata, params.id_column, source.resolutions, spool_beside(target, "ids"))
    write_entries(target, caption_entries(captions_of_posts(captions, ids)))
