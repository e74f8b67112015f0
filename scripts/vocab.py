"""Rule vocab: the vocabulary, and the table of what its thresholds cost."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tokens.prevalence import read_prevalence
from booruflow.tokens.threshold_costs import threshold_costs, write_costs
from booruflow.tokens.vocabulary import SECTION_ORDER, build_vocabulary, select_tags, threshold_for_size, write_vocabulary

with job(snakemake.log[0], snakemake.rule):
    counts = {category: read_prevalence(Path(snakemake.input[category])) for category in SECTION_ORDER}
    min_count, score_edges = snakemake.params.min_count, snakemake.params.score_edges
    if snakemake.params.vocabulary_size:
        min_count = dict.fromkeys(SECTION_ORDER, threshold_for_size(counts, snakemake.params.vocabulary_size, score_edges))
    vocabulary = build_vocabulary(select_tags(counts, min_count), score_edges)
    write_vocabulary(vocabulary, Path(snakemake.output.text), Path(snakemake.output.table))
    write_costs(threshold_costs(counts, min_count), Path(snakemake.output.costs))
    least = ", ".join(f"{count} ({category})" for category, count in min_count.items())
    print(f"{len(vocabulary):,} tokens in the vocabulary, of at least {least} posts")
