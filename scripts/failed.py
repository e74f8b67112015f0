"""Rule failed: the failed requests of all shards whose posts have no caption by a person either."""

from pathlib import Path

from booruflow.captioning.failed import unanswered, write_failed
from booruflow.core.errors import counted_noun
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    failures = unanswered(snakemake.input.failed, snakemake.input.fixed)
    print(counted_noun(len(failures), "failed request"))
    write_failed(Path(snakemake.output.failed), failures)
