"""Rule plots: coverage, outcomes, caption lengths and resolutions."""

from booruflow.core.idjson import read_entries
from booruflow.core.jobs import job
from booruflow.core.tables import read_stream
from booruflow.report.plots import draw_coverage, draw_lengths, draw_outcomes, draw_resolutions
from booruflow.report.counts import count_outcomes, count_resolutions, count_texts

with job(snakemake.log[0], snakemake.rule):
    given, made = snakemake.input, snakemake.output
    texts = count_texts(
        read_stream(given.posts, ["id", "rating"]),
        read_entries(given.tags),
        read_entries(given.captions),
        [read_entries(path) for path in given.good],
        [read_entries(path) for path in given.fixed],
    )
    draw_coverage(texts, made.coverage)
    draw_lengths(texts, made.lengths)
    shards = zip(given.good, given.bad, given.skipped, strict=True)
    draw_outcomes([count_outcomes(*map(read_entries, paths)) for paths in shards], made.outcomes)
    draw_resolutions(count_resolutions(read_stream(given.resolutions, ["id", "train_width", "train_height"])), made.resolutions)
