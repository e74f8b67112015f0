"""Rule edit_list: the bad outputs of each shard, for a person to edit."""

from booruflow.captioning.edit_list import unedited_entries
from booruflow.captioning.fixed import read_edits
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    folder, edited = snakemake.params.folder, read_edits(snakemake.input.edited)
    count = 0
    for bad, target in zip(snakemake.input.bad, snakemake.output.lists, strict=True):
        count += write_entries(target, unedited_entries(bad, edited))
    print(f"{count} bad outputs: copy the files to {folder}/, by any names that are free, and edit text or type a caption there")
