"""Rule parse: raw outputs to captions, or to bad outputs with the reason."""

from booruflow.captioning.parse import ParserSettings, artists_of, parse_raw, read_raw, write_outcomes
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    settings = ParserSettings(**snakemake.params.parser)
    outcomes = parse_raw(read_raw(snakemake.input.raw), artists_of(snakemake.input.split), settings)
    write_outcomes(outcomes, snakemake.output.good, snakemake.output.bad)
