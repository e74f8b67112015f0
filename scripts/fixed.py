"""Rule fixed: edited entries of a shard parsed again."""

from booruflow.edits import fixed_captions, read_edited
from booruflow.idjson import write_entries
from booruflow.job import job
from booruflow.outcomes import artists_of
from booruflow.parsing import Options
from snakemake.script import snakemake

with job(snakemake.log[0], snakemake.rule):
    wanted = snakemake.params
    options = Options(wanted.max_characters, wanted.salvage)
    entries = {}
    for path in snakemake.input.edited:
        entries = read_edited(path, snakemake.input.split)
    captions = fixed_captions(
        entries, snakemake.input.bad, artists_of(snakemake.input.split), wanted.style, options, wanted.artist_sentence
    )
    write_entries(snakemake.output.fixed, [captions])
