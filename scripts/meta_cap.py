"""Rule meta_cap: check the outcomes of the shards, then merge the captions of all sources; for each post the last one counts."""

from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.products.checks.captions import check_shard_files
from booruflow.products.meta_cap import meta_cap_entries

with job(snakemake.log[0], snakemake.rule):
    sources = snakemake.input
    check_shard_files(sources)
    entries = meta_cap_entries(sources.base, [*sources.good, *sources.fixed], "meta_cap")
    write_entries(snakemake.output.captions, entries)
