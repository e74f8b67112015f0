"""Rule edit_list: the bad outputs of each shard, ready to be mended."""

from pathlib import Path

from booruflow.captioning.fixed import edit_list
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    total = 0
    for bad, target in zip(snakemake.input.bad, snakemake.output.lists, strict=True):
        total += write_entries(target, edit_list(bad, Path(snakemake.params.edited) / Path(target).name))
    print(f"{total} bad outputs; mend their text, or type a caption instead, and save the file in {snakemake.params.edited}/")
