"""Rule caption: one shard's raw captions, from the journal where it has them, else generated."""

from pathlib import Path

from booruflow.captioning.caption import Shard, caption_shard
from booruflow.core.jobs import job

with job(snakemake.log[0], f"{snakemake.rule} {snakemake.wildcards.n}"):
    shard = Shard(
        split=Path(snakemake.input.split),
        images=Path(snakemake.params.images),
        journal=Path(snakemake.params.journal),
        number=int(snakemake.wildcards.n),
        count=snakemake.params.shards,
    )
    raw, skipped, stats = (Path(snakemake.output[name]) for name in ("raw", "skipped", "stats"))
    caption_shard(shard, snakemake.params.captioner, raw, skipped, stats, snakemake.threads)
