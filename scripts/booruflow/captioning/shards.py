"""Shards: the ids that lack a caption, dealt out by id % N, each with all that a caption request needs."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from booruflow.core.files import open_whole, written_whole
from booruflow.core.idjson import joined_bytes
from booruflow.core.streams import Stream, aligned
from booruflow.sources.tags import tag_line

SCHEMA = {
    "id": pl.Int64,
    "general": pl.String,
    "characters": pl.String,
    "artists": pl.String,
    "image": pl.String,
    "offset": pl.Int64,
    "size": pl.Int64,
    "has_metadata": pl.Boolean,
}
"""Of split_{n}.parquet. Tags are joined by ", " as the model was trained with; `image` is relative to the folder of the
images and null where there is none; `offset` and `size` (bytes) say where it lies when that file is a tar."""


def request_rows(
    ids: Iterable[pl.DataFrame], posts: Iterable[pl.DataFrame], images: Iterable[pl.DataFrame], underscores: str
) -> Stream:
    """The rows of SCHEMA for the given ids, ascending."""

    def tags(category: str) -> pl.Expr:
        return tag_line([category], ", ", underscores).fill_null("")

    for wanted, some_posts, some_images in aligned([ids, posts, images]):
        rows = wanted.select("id").join(some_posts, on="id", how="left", maintain_order="left")
        rows = rows.join(some_images, on="id", how="left", maintain_order="left")
        yield rows.select(
            "id",
            general=tags("general"),
            characters=tags("character"),
            artists=tags("artist"),
            image="file",
            offset="offset",
            size="size",
            has_metadata=pl.col("has_metadata").fill_null(False),
        )


def write_shards(json_paths: list[str], table_paths: list[str], rows: Iterable[pl.DataFrame]) -> list[int]:
    """Write shard n of N = len(json_paths): the list of ids as JSON, and the rows as parquet; return the counts."""
    count = len(json_paths)
    sizes = [0] * count
    arrow = pl.DataFrame(schema=SCHEMA).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    with ExitStack() as stack:
        lists = [stack.enter_context(open_whole(path)) for path in json_paths]
        parts = [stack.enter_context(written_whole(Path(path))) for path in table_paths]
        tables = [stack.enter_context(pq.ParquetWriter(part, arrow, compression="zstd")) for part in parts]
        for frame in rows:
            for (n,), piece in frame.group_by(pl.col("id") % count, maintain_order=True):
                shard = int(str(n))
                lines = piece.select(pl.format("{}\n", "id")).to_series()
                lists[shard].write((b",\n" if sizes[shard] else b"[\n") + bytes(joined_bytes(lines))[:-1].replace(b"\n", b",\n"))
                tables[shard].write_table(piece.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(arrow))
                sizes[shard] += len(piece)
        for file, size in zip(lists, sizes, strict=True):
            file.write(b"\n]\n" if size else b"[\n]\n")
    return sizes
