"""Rule caption: one shard's raw captions, from the journal or, where it lacks them, newly generated."""

import json
import os
from pathlib import Path

from booruflow.captioning.backends.registry import open_backends
from booruflow.captioning.caption import Outputs, caption_shard
from booruflow.captioning.prompts.known import read_known
from booruflow.captioning.prompts.settings import for_style
from booruflow.captioning.shards import Shard
from booruflow.core.jobs import job

with job(snakemake.log[0], f"{snakemake.rule} {snakemake.wildcards.n}"):
    shard = Shard(
        split=Path(snakemake.input.split),
        journal=Path(snakemake.params.journal),
        attempts=Path(snakemake.params.attempts),
        number=int(snakemake.wildcards.n),
        count=snakemake.params.shards,
        style=snakemake.wildcards.get("style", ""),
    )
    captioner = json.loads(os.environ["BOORUFLOW_CAPTIONER"])
    captioner["engine_log"] = str(Path(snakemake.log[0]).with_suffix(".engine.log"))
    if shard.style:
        captioner = for_style(captioner, shard.style)
    outputs = Outputs(**{name: Path(path) for name, path in snakemake.output.items()})
    known = read_known(shard.split, snakemake.input.get("traits"), snakemake.input.get("info"))
    caption_shard(shard, captioner, open_backends(captioner), outputs, snakemake.threads, known)
