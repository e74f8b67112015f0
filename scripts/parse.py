"""Rule parse: raw outputs to captions, and to bad outputs with their reasons."""

from booruflow.job import job
from booruflow.outcomes import artists_of, parsed, read_raw, write_outcomes
from booruflow.parsing import Options
from snakemake.script import snakemake

with job(snakemake.log[0], snakemake.rule):
    wanted = snakemake.params
    options = Options(wanted.max_characters, wanted.salvage)
    outcomes = parsed(read_raw(snakemake.input.raw), artists_of(snakemake.input.split), wanted.style, options, wanted.artist_sentence)
    write_outcomes(outcomes, snakemake.output.good, snakemake.output.bad)
