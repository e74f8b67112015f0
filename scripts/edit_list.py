"""Rule edit_list: the bad outputs of each shard and the captions flagged for the queue, for a person to edit."""

from pathlib import Path

import polars as pl

from booruflow.captioning.edit_list import flagged_entries, lists_in, unedited_entries
from booruflow.captioning.fixed import read_edits
from booruflow.captioning.shards import shard_of
from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.core.jobs import job
from booruflow.core.streams import merged_latest

with job(snakemake.log[0], snakemake.rule):
    inputs, params, lists = snakemake.input, snakemake.params, snakemake.output.lists
    edited = read_edits(inputs.edited)
    flagged = pl.DataFrame(schema=ENTRY_SCHEMA)
    if params.queue:
        flagged = flagged_entries(inputs.captions, inputs.flags, params.queue, edited)
    shards, total = shard_of(flagged["id"].to_numpy(), len(lists)), 0
    for number, target in enumerate(lists):
        bad = [unedited_entries(path, edited) for path in inputs.bad[number : number + 1]]  # none where nothing is generated
        total += write_entries(target, merged_latest([[flagged.filter(shards == number)], *bad]))
    for earlier in set(lists_in(Path(lists[0]).parent)) - set(map(Path, lists)):  # there were more shards
        earlier.unlink()
    print(
        f"{total - len(flagged)} bad outputs, {len(flagged)} flagged captions: copy the files to {params.folder}/, by any names"
        " that are free, and edit text or caption there"
    )
