"""Rule changes: the posts beside those of the run before."""

from pathlib import Path

from booruflow.core.files import open_whole
from booruflow.core.jobs import job
from booruflow.core.tables import read_stream, rows_of, write_stream
from booruflow.products.summary import changes_line, write_counts
from booruflow.sources.changes.compare import CHANGES_SCHEMA, compare_posts
from booruflow.sources.changes.kept import KEPT_SCHEMA, keep_posts, read_kept
from booruflow.sources.changes.summary import count_changes, summary_text

with job(snakemake.log[0], snakemake.rule):
    posts, outputs = snakemake.input.posts, snakemake.output
    before = keep_posts(posts, Path(snakemake.params.kept))
    changes = compare_posts(read_kept(before), read_stream(posts, list(KEPT_SCHEMA))) if before else iter(())
    write_stream(outputs.changes, changes, CHANGES_SCHEMA)
    counts, posts_before = count_changes(read_stream(outputs.changes)), rows_of(before) if before else 0
    summary = summary_text(posts_before, rows_of(posts), counts)
    with open_whole(outputs.summary) as file:
        file.write(summary.encode())
    numbers = {"posts_before": posts_before, "posts": rows_of(posts), **counts.posts}
    write_counts(outputs.counts, numbers)
    print(changes_line(numbers) or "first run, nothing to compare with")
