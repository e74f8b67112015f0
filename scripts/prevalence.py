"""Rule prevalence: how many posts have each tag, and how often each piece stands in a general label."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tokens.prevalence import count_pieces, count_tags, write_prevalence

with job(snakemake.log[0], snakemake.rule):
    counts = count_tags(Path(snakemake.input.posts))
    for category, names in counts.items():
        write_prevalence(Path(snakemake.output[category]), names)
    write_prevalence(Path(snakemake.output.pieces), count_pieces(counts["general"]))
