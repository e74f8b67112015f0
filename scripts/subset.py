"""Rule subset: the products of the posts that match a filter."""

from booruflow.captioning.skipped import read_skipped
from booruflow.core.idjson import read_entries, write_entries
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.streams import semi_join
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.meta_lat import meta_lat_rows, write_meta_lat
from booruflow.products.subset import matches
from booruflow.products.trainable import without_unreadable
from booruflow.sources.posts import TAG_CATEGORIES

with job(snakemake.log[0], snakemake.rule):
    files, output, params = snakemake.input, snakemake.output, snakemake.params
    posts = counted(read_stream(files.posts, ["id", "rating", "score", *TAG_CATEGORIES]), rows_of(files.posts), "posts")
    ids = [frame.filter(matches(params.filter)).select("id") for frame in posts]
    write_entries(output.tags, semi_join(read_entries(files.tags, "tags"), ids))
    write_entries(output.captions, semi_join(read_entries(files.captions, "captions"), ids))
    resolutions = without_unreadable(read_stream(files.resolutions), [read_skipped(path) for path in files.skipped])
    rows = meta_lat_rows(
        read_entries(output.tags, member="tags"), read_entries(output.captions, member="caption"), semi_join(resolutions, ids)
    )
    write_meta_lat(output.json, output.jsonl, rows, params.key, params.folders)
