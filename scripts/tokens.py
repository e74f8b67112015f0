"""Rule tokens: all posts as token ids in one file with an index, and statistics of them."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tokens.encoding import write_tokens
from booruflow.tokens.statistics import write_statistics
from booruflow.tokens.vocabulary import read_vocabulary

with job(snakemake.log[0], snakemake.rule):
    posts, vocabulary = Path(snakemake.input.posts), read_vocabulary(Path(snakemake.input.vocabulary))
    max_length = snakemake.params.max_length
    statistics = write_tokens(posts, vocabulary, Path(snakemake.output.tokens), max_length, snakemake.threads)
    write_statistics(statistics, Path(snakemake.output.counts), Path(snakemake.output.lengths))
    counts = statistics.counts
    print(
        f"{counts.posts:,} posts, {counts.tokens:,} tokens; {counts.truncated_posts:,} posts above {max_length} tokens lost "
        f"{counts.truncated_labels:,} general labels and {counts.truncated_other_tags:,} other tags"
    )
