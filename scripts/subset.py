"""Rule subset: the products of the posts that match a filter."""

from types import SimpleNamespace

from booruflow.captioning.skipped import read_skipped
from booruflow.core.errors import UserError, counted_noun
from booruflow.core.idjson import read_entries, write_entries
from booruflow.core.jobs import WARNING, job
from booruflow.core.progress import counted
from booruflow.core.streams import semi_join
from booruflow.core.tables import open_table, read_stream, rows_of
from booruflow.products.meta_lat import meta_lat_rows, text_rows, write_meta_lat
from booruflow.products.selection import Dropped, columns_read, selected
from booruflow.products.subset import SIZE_CONDITIONS, absent_columns, named_tags, with_sizes, without_found
from booruflow.products.trainable import without_unreadable
from booruflow.texts.texts import read_json_texts

with job(snakemake.log[0], snakemake.rule):
    files, output, params = snakemake.input, snakemake.output, snakemake.params
    for line in absent_columns(open_table(files.posts).schema_arrow.names, params.filter, snakemake.wildcards.subset):
        raise UserError(line)
    posts = counted(read_stream(files.posts, columns_read(params.filter)), rows_of(files.posts), "posts")
    if any(key in params.filter for key in SIZE_CONDITIONS):
        posts = with_sizes(posts, read_stream(files.resolutions, ["id", "image_width", "image_height"]))
    dropped, unmatched = Dropped(), named_tags(params.filter)
    ids = selected(without_found(posts, unmatched), params.filter, dropped)
    print(counted_noun(sum(map(len, ids)), "post"))
    reasons = [f"left out by {name}: {counted_noun(count, 'post')}" for name, count in dropped.items() if count]
    print("\n".join(reasons))
    for tag in sorted(unmatched):
        print(f"{WARNING}config.yaml: subsets.{snakemake.wildcards.subset}: no post has the tag {tag}: correct or remove it")
    if not any(map(len, ids)):
        raise UserError(
            f"config.yaml: subsets.{snakemake.wildcards.subset}: no post matches ({', '.join(reasons)}): widen its filter, or"
            " remove the subset"
        )
    write_entries(output.tags, semi_join(read_entries(files.tags, "tags"), ids))
    write_entries(output.captions, semi_join(read_entries(files.captions, "captions"), ids))
    resolutions = without_unreadable(read_stream(files.resolutions), [read_skipped(path) for path in files.skipped])
    resolutions = semi_join(resolutions, ids)
    if params.text:
        rows = text_rows(
            read_json_texts(SimpleNamespace(**{**dict(files.items()), **dict(output.items())}), params.text), resolutions
        )
    else:
        rows = meta_lat_rows(
            read_entries(output.tags, member="tags"), read_entries(output.captions, member="caption"), resolutions
        )
    write_meta_lat(output.json, output.jsonl, rows, params.key, params.folders)
