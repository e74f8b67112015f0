"""Shards: the posts without a caption, dealt out by id % N, each with all that a caption request needs."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl
import pyarrow.parquet as pq

from booruflow.core.files import open_whole, written_whole
from booruflow.core.idjson import joined_bytes
from booruflow.core.streams import Stream, aligned
from booruflow.sources.tags import tag_line

SHARD_SCHEMA = {
    "id": pl.Int64,
    "general": pl.String,
    "characters": pl.String,
    "artists": pl.String,
    "image": pl.String,
    "offset": pl.Int64,
    "size": pl.Int64,
    "has_metadata": pl.Boolean,
}
"""Of split_{n}.parquet, one row per id, ascending. Tags are joined by ", ", as in the model's training, and may be empty.
`image` is a path below the folder of the images, null where there is none; `offset` and `size` (bytes) locate the image
when that file is a tar, and are null when it is not."""

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Shard:
    """The inputs of a caption job: shard `number` of `count`, its rows, its images and its journal."""

    split: Path
    """Parquet of SHARD_SCHEMA."""
    images: Path
    journal: Path
    attempts: Path
    """The folder of failed attempts (see `booruflow.captioning.failed`)."""
    number: int
    count: int


def request_rows(ids: Iterable[pl.DataFrame], posts: Iterable[pl.DataFrame], images: Iterable[pl.DataFrame]) -> Stream:
    """The rows of SHARD_SCHEMA for a sorted stream of ids; tags are spelled as on the booru, however the config exports them."""

    def tags(category: str) -> pl.Expr:
        return tag_line([category], ", ", "keep").fill_null("")

    for id_rows, post_rows, image_rows in aligned([ids, posts, images]):
        rows = id_rows.select("id").join(post_rows, on="id", how="left", maintain_order="left")
        rows = rows.join(image_rows, on="id", how="left", maintain_order="left")
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
    shard_count = len(json_paths)
    counts = [0] * shard_count
    arrow_schema = pl.DataFrame(schema=SHARD_SCHEMA).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    with ExitStack() as stack:
        lists = [stack.enter_context(open_whole(path)) for path in json_paths]
        table_parts = [stack.enter_context(written_whole(Path(path))) for path in table_paths]
        tables = [stack.enter_context(pq.ParquetWriter(part, arrow_schema, compression="zstd")) for part in table_parts]
        for frame in rows:
            for (n,), shard_rows in frame.group_by(pl.col("id") % shard_count, maintain_order=True):
                shard = int(str(n))
                lines = bytes(joined_bytes(shard_rows.select(pl.format("{}\n", "id")).to_series()))
                lists[shard].write((b",\n" if counts[shard] else b"[\n") + lines[:-1].replace(b"\n", b",\n"))
                tables[shard].write_table(shard_rows.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(arrow_schema))
                counts[shard] += len(shard_rows)
        for file, count in zip(lists, counts, strict=True):
            file.write(b"\n]\n" if count else b"[\n]\n")
    return counts


def row_blocks(split: Path, size: int) -> Iterator[list[Row]]:
    """The rows of a shard, `size` at a time (the last block may be shorter)."""
    with pq.ParquetFile(split) as file:
        for batch in file.iter_batches(size):
            yield batch.to_pylist()


def image_place(row: Row) -> tuple[str, int | None, int | None]:
    """Where a row's image is: the arguments `file`, `offset` and `size` of `booruflow.sources.images`."""
    return row["image"], row["offset"], row["size"]
