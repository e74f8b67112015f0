"""Rule parse: raw outputs to captions, and to bad outputs with their reasons."""

from booruflow.captioning.parse import Parser, artists_of, parsed, read_raw, write_outcomes
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    parser = Parser(**snakemake.params.parser)
    outcomes = parsed(read_raw(snakemake.input.raw), artists_of(snakemake.input.split), parser)
    write_outcomes(outcomes, snakemake.output.good, snakemake.output.bad)
