"""Rule tokens: every post as token ids in one file, with its index, and the lengths."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tokens.corpus import write_summary, write_tokens
from booruflow.tokens.vocabulary import read_vocabulary

with job(snakemake.log[0], snakemake.rule):
    vocabulary = read_vocabulary(Path(snakemake.input.vocabulary))
    target, length = Path(snakemake.output.tokens), snakemake.params.max_length
    summary = write_tokens(Path(snakemake.input.posts), vocabulary, target, length, snakemake.threads)
    write_summary(summary, Path(snakemake.output.counts), Path(snakemake.output.lengths), Path(snakemake.output.histogram))
    tally = summary.tally
    print(
        f"{tally.posts:,} posts, {tally.tokens:,} tokens; {tally.truncated_posts:,} posts above {length} tokens lost "
        f"{tally.truncated_labels:,} labels and {tally.truncated_other_tags:,} other tags"
    )
