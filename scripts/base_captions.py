"""Rule base_captions: the captions that exist already, of the posts of the run."""

from booruflow.core.files import spool_beside
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.core.streams import merged_latest, semi_join
from booruflow.sources.base_captions import caption_entries, caption_sources
from booruflow.sources.posts import id_list

with job(snakemake.log[0], snakemake.rule):
    given, target = snakemake.input, snakemake.output.captions
    sources = caption_sources(snakemake.params.sources, list(given.tables), target)
    # not from posts.parquet: so it need not wait for that
    ids = id_list(given.metadata, snakemake.params.id_column, given.resolutions or None, spool_beside(target, "ids"))
    write_entries(target, caption_entries(semi_join(merged_latest(sources), ids)))
