"""Rule trial_captions: the captions of a trial's images in one variant, from the journal or newly generated, and their times."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from booruflow.captioning.backends.registry import open_backends
from booruflow.captioning.caption import Outputs, caption_shard
from booruflow.captioning.planning import row_prompt
from booruflow.captioning.prompts.known import read_known
from booruflow.captioning.shards import Shard, row_blocks
from booruflow.core.files import open_whole
from booruflow.core.jobs import job
from booruflow.trial.timing import TimedBackend, read_timings, speed_key

with job(snakemake.log[0], f"{snakemake.rule} {snakemake.wildcards.variant}"):
    variant, output = snakemake.wildcards.variant, snakemake.output
    captioner = json.loads(os.environ["BOORUFLOW_TRIAL"])[variant]
    key, times = speed_key(captioner), Path(output.raw).with_name("times.jsonl")
    captioner["engine_log"] = str(Path(snakemake.log[0]).with_suffix(".engine.log"))
    shard = Shard(
        split=Path(snakemake.input.split),
        journal=Path(snakemake.params.journal),
        attempts=Path(snakemake.params.attempts),
        number=0,
        count=1,
        style=f"trial_{variant}",
    )
    first, *fallback = open_backends(captioner)
    known = read_known(shard.split, snakemake.input.get("traits"), snakemake.input.get("info"))
    outputs = Outputs(**{name: Path(output[name]) for name in ("raw", "skipped", "failed", "stats")})
    caption_shard(shard, captioner, [TimedBackend(first, times, key), *fallback], outputs, snakemake.threads, known)
    prompts = {
        row["id"]: row_prompt(row, captioner, first, known)._asdict() for rows in row_blocks(shard.split, 1024) for row in rows
    }
    for path, content in ((output.prompts, prompts), (output.timings, [asdict(timing) for timing in read_timings(times, key)])):
        with open_whole(path) as file:
            file.write(json.dumps(content, ensure_ascii=False, indent=0).encode() + b"\n")
