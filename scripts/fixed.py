"""Rule fixed: the edited entries of a shard parsed again."""

from booruflow.captioning.fixed import fixed_captions, read_edited
from booruflow.captioning.parse import ParserSettings, artists_of
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    inputs, settings = snakemake.input, ParserSettings(**snakemake.params.parser)
    edits = {}
    for path in inputs.edited:  # one, or none
        edits = read_edited(path, inputs.split)
    captions = fixed_captions(edits, inputs.bad, artists_of(inputs.split), settings)
    write_entries(snakemake.output.fixed, [captions])
