"""Rule base_captions: the captions that exist already, of the posts of the run."""

from booruflow.base_captions import caption_entries, caption_sources
from booruflow.files import spool_beside
from booruflow.idjson import write_entries
from booruflow.job import job
from booruflow.posts import id_list
from booruflow.streams import overlaid
from booruflow.subsets import only

with job(snakemake.log[0], snakemake.rule):
    given, target = snakemake.input, snakemake.output.captions
    sources = caption_sources(snakemake.params.sources, list(given.tables), target)
    # not from posts.parquet: so it need not wait for that
    ids = id_list(given.metadata, snakemake.params.id_column, given.latents or None, spool_beside(target, "ids"))
    write_entries(target, caption_entries(only(ids, overlaid(sources))))
