"""Rule caption: one shard's raw captions, from the journal or, where it lacks them, newly generated."""

from pathlib import Path

from booruflow.captioning.backends.registry import open_backends
from booruflow.captioning.caption import caption_shard
from booruflow.captioning.shards import Shard
from booruflow.core.jobs import job

with job(snakemake.log[0], f"{snakemake.rule} {snakemake.wildcards.n}"):
    shard = Shard(
        split=Path(snakemake.input.split),
        journal=Path(snakemake.params.journal),
        number=int(snakemake.wildcards.n),
        count=snakemake.params.shards,
    )
    captioner = snakemake.params.captioner
    raw, skipped, stats = (Path(snakemake.output[name]) for name in ("raw", "skipped", "stats"))
    caption_shard(shard, captioner, open_backends(captioner), raw, skipped, stats, snakemake.threads)
