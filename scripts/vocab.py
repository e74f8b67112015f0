"""Rule vocab: the vocabulary, and what its thresholds cost."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tokens import CATEGORIES
from booruflow.tokens.prevalence import read_prevalence
from booruflow.tokens.thresholds import frequent_tags, plot_costs, threshold_costs, threshold_for_size, write_costs
from booruflow.tokens.vocabulary import vocabulary_of, write_vocabulary

with job(snakemake.log[0], snakemake.rule):
    counts = {category: read_prevalence(Path(snakemake.input[category])) for category in CATEGORIES}
    edges = snakemake.params.score_edges
    minimum = snakemake.params.min_count
    if snakemake.params.vocabulary_size:
        minimum = dict.fromkeys(CATEGORIES, threshold_for_size(counts, snakemake.params.vocabulary_size, edges))
    vocabulary = vocabulary_of(frequent_tags(counts, minimum), edges)
    write_vocabulary(vocabulary, Path(snakemake.output.text), Path(snakemake.output.table))
    costs = threshold_costs(counts, minimum)
    write_costs(costs, Path(snakemake.output.costs))
    plot_costs(costs, Path(snakemake.output.plot))
    print(f"{len(vocabulary):,} tokens in the vocabulary, thresholds {minimum}")
