"""Rule style_captions: check the outcomes of a style, and merge its captions, or those of one name in its answers."""

from booruflow.core.errors import counted_noun
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.core.streams import merged_latest
from booruflow.products.checks.captions import check_shard_files
from booruflow.products.meta_cap import named_captions
from booruflow.products.summary import write_counts

with job(snakemake.log[0], snakemake.rule):
    sources, outputs = snakemake.input, snakemake.output
    outcomes = dict(zip(("good", "bad", "skipped", "failed"), check_shard_files(sources), strict=True))
    captions = merged_latest([named_captions(path, snakemake.params.name) for path in sources.good])
    count = write_entries(outputs.captions, captions)
    print(counted_noun(count, "caption"))
    write_counts(outputs.counts, {**outcomes, "captions": count})
