"""Rule meta_cap: check the outcomes of the shards, merge the captions of all sources, for each post the last one, and compare."""

from booruflow.core.errors import counted_noun
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.products.checks.captions import check_merged, check_shard_files
from booruflow.products.meta_cap import meta_cap_entries
from booruflow.products.summary import write_counts

with job(snakemake.log[0], snakemake.rule):
    sources, outputs = snakemake.input, snakemake.output
    outcomes = check_shard_files(sources)
    captions = meta_cap_entries(sources.base, [*sources.good, *sources.fixed], "meta_cap")
    print(counted_noun(write_entries(outputs.captions, captions), "caption"))
    write_counts(outputs.counts, check_merged(sources, outcomes, outputs.captions))
