"""Rule plots: coverage, outcomes, caption lengths and resolutions."""

from booruflow.core.idjson import read_entries
from booruflow.core.jobs import job
from booruflow.core.tables import read_stream
from booruflow.report.counts import count_outcomes, count_resolutions, count_texts
from booruflow.report.plots import draw_coverage, draw_lengths, draw_outcomes, draw_resolutions

with job(snakemake.log[0], snakemake.rule):
    inputs, outputs = snakemake.input, snakemake.output
    texts = count_texts(
        read_stream(inputs.posts, ["id", "rating"]),
        read_entries(inputs.tags),
        read_entries(inputs.captions, member="caption"),
        [read_entries(path) for path in inputs.good],
        [read_entries(path) for path in inputs.fixed],
    )
    draw_coverage(texts, outputs.coverage)
    draw_lengths(texts, outputs.lengths)
    shards = zip(inputs.good, inputs.bad, inputs.skipped, inputs.failed, strict=True)
    draw_outcomes([count_outcomes(*paths) for paths in shards], outputs.outcomes)
    resolutions = read_stream(inputs.resolutions, ["id", "train_width", "train_height"])
    draw_resolutions(count_resolutions(resolutions), outputs.resolutions)
