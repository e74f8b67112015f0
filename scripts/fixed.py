"""Rule fixed: edited entries of a shard parsed again."""

from booruflow.captioning.fixed import fixed_captions, read_edited
from booruflow.captioning.parse import Parser, artists_of
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    given, parser = snakemake.input, Parser(**snakemake.params.parser)
    edits = {}
    for path in given.edited:  # one, or none
        edits = read_edited(path, given.split)
    captions = fixed_captions(edits, given.bad, artists_of(given.split), parser)
    write_entries(snakemake.output.fixed, [captions])
