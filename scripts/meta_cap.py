"""Rule meta_cap: the captions of all sources, the latest of each post."""

from booruflow.core.idjson import read_entries, write_entries
from booruflow.core.jobs import job
from booruflow.core.streams import overlaid
from booruflow.products.meta_lat import caption_values

with job(snakemake.log[0], snakemake.rule):
    good = [caption_values(read_entries(path)) for path in snakemake.input.good]
    fixed = [caption_values(read_entries(path)) for path in snakemake.input.fixed]
    write_entries(snakemake.output.captions, overlaid([read_entries(snakemake.input.base, "meta_cap"), *good, *fixed]))
