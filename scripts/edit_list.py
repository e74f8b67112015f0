"""Rule edit_list: the bad outputs of each shard, for a person to edit."""

from pathlib import Path

from booruflow.captioning.edit_list import unedited_entries
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    folder = Path(snakemake.params.edited)
    count = 0
    for bad, target in zip(snakemake.input.bad, snakemake.output.lists, strict=True):
        count += write_entries(target, unedited_entries(bad, folder / Path(target).name))
    print(f"{count} bad outputs: edit their text, or type a caption instead, and save the file in {folder}/")
