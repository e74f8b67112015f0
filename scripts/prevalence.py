"""Rule prevalence: how many posts have each tag, and how often each piece occurs in general labels."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tokens.prevalence import count_tags, write_prevalence
from booruflow.tokens.spelling import count_pieces

with job(snakemake.log[0], snakemake.rule):
    counts = count_tags(Path(snakemake.input.posts))
    for category, category_counts in counts.items():
        write_prevalence(Path(snakemake.output[category]), category_counts)
    write_prevalence(Path(snakemake.output.pieces), count_pieces(counts["general"]))
    print(", ".join(f"{len(tags):,} {category}" for category, tags in counts.items()), "tags")
