"""Rule meta_cap: merge the captions of all sources; for each post the last one counts."""

from booruflow.core.idjson import read_entries, write_entries
from booruflow.core.jobs import job
from booruflow.products.meta_cap import meta_cap_entries

with job(snakemake.log[0], snakemake.rule):
    sources = snakemake.input
    generated = [read_entries(path) for path in [*sources.good, *sources.fixed]]
    write_entries(snakemake.output.captions, meta_cap_entries(read_entries(sources.base, "meta_cap"), generated))
