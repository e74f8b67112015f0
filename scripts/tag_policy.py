"""Rule tag_policy: the tags of each post as the policy has them, what it changed, and the cut-offs of quality."""

from contextlib import ExitStack
from pathlib import Path

from booruflow.core.errors import UserError
from booruflow.core.jobs import WARNING, job
from booruflow.core.progress import progress
from booruflow.core.tables import open_table, read_stream, rows_of, table_writer
from booruflow.sources.posts import TAG_CATEGORIES
from booruflow.tags.policy import column_errors, made_columns
from booruflow.tags.quality import cutoffs, write_cutoffs, years
from booruflow.tags.report import unused_lines, write_report
from booruflow.tags.tag_columns import post_batches
from booruflow.tags.tags import NAMES_SCHEMA, TAGS_SCHEMA, PolicyTags

with job(snakemake.log[0], snakemake.rule):
    posts, policy, output = snakemake.input.posts, snakemake.params.policy, snakemake.output
    known = open_table(posts).schema_arrow.names
    for line in column_errors(policy, known, f"{posts} has no such column"):
        raise UserError(line)
    quality = policy["quality"]
    dated = [name for name in ("created_at",) if name in known]
    ranked = years(read_stream(posts, ["rating", *dated, quality["by"]]), quality["by"]) if quality["words"] else ()
    table = cutoffs(ranked, quality["words"], quality["min_posts"])
    write_cutoffs(output.cutoffs, table)

    names_path = output.get("posts")
    tags = PolicyTags(policy, table, names_path is not None)
    made = [name for name in made_columns(policy) if name != "created_at"]
    columns = dict.fromkeys(["id", "rating", *(["score"] if names_path else []), *TAG_CATEGORIES, *dated, *made])
    with ExitStack() as files, progress(rows_of(posts), "tags") as bar:
        write_tags = files.enter_context(table_writer(output.tags, TAGS_SCHEMA))
        write_names = files.enter_context(table_writer(names_path, NAMES_SCHEMA)) if names_path else None
        for batch in post_batches(Path(posts), list(columns)):
            texts, names = tags.apply(batch)
            write_tags(texts)
            if write_names:
                write_names(names)
            bar.update(len(texts))
    write_report(output.report, tags.categories, tags.naming)
    for line in unused_lines(snakemake.params.own, tags.categories):
        print(f"{WARNING}{line}")
