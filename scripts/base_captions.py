"""Rule base_captions: the captions that exist already, of the posts of the run."""

from booruflow.base_captions import caption_entries, caption_sources
from booruflow.idjson import write_entries
from booruflow.job import job
from booruflow.streams import overlaid
from booruflow.subsets import only
from booruflow.tables import read_stream

with job(snakemake.log[0], snakemake.rule):
    sources = caption_sources(snakemake.params.sources, list(snakemake.input.tables), snakemake.output.captions)
    captions = only(read_stream(snakemake.input.posts, ["id"]), overlaid(sources))
    write_entries(snakemake.output.captions, caption_entries(captions))
