"""Rule shards: the posts without a caption, distributed over the caption jobs."""

from booruflow.captioning.shards import check_images, request_rows, write_shards
from booruflow.core.errors import counted_noun
from booruflow.core.idjson import read_entry_ids
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.streams import semi_join
from booruflow.core.tables import read_stream, rows_of
from booruflow.sources.missing import without

with job(snakemake.log[0], snakemake.rule):
    source, output = snakemake.input, snakemake.output
    posts, images = rows_of(source.posts), rows_of(source.images)
    found = sum(map(len, semi_join(read_stream(source.images, ["id"]), read_stream(source.posts, ["id"]))))
    check_images(images, found)
    rows = request_rows(
        without(read_stream(source.posts, ["id"]), read_entry_ids(source.captions)),
        counted(read_stream(source.posts, ["id", "general", "character", "artist", "has_metadata"]), posts, "shards"),
        read_stream(source.images),
    )
    counts = write_shards(output.json, output.tables, rows)
    with_image = sum(int(frame["image"].count()) for path in output.tables for frame in read_stream(path, ["image"]))
    print(f"{counted_noun(posts, 'post')}; {found:,} with an image, {posts - sum(counts):,} with a caption already")
    print(f"{sum(counts):,} to caption, {sum(counts) - with_image:,} of them without an image")
