"""Rule token_plots: what the vocabulary's thresholds cost, and how many tokens the posts need."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.report.token_plots import draw_threshold_costs, draw_token_lengths
from booruflow.tokens.statistics import read_lengths
from booruflow.tokens.threshold_costs import read_costs

with job(snakemake.log[0], snakemake.rule):
    draw_threshold_costs(read_costs(Path(snakemake.input.costs)), snakemake.output.costs)
    draw_token_lengths(read_lengths(Path(snakemake.input.lengths)), snakemake.params.max_length, snakemake.output.lengths)
