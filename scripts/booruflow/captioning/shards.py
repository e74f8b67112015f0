"""Shards: the posts without a caption, divided by a hash of the id, each with all that a caption request needs."""

import math
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole, spool_beside, writing, written_whole
from booruflow.core.idjson import joined_bytes
from booruflow.core.streams import Stream, aligned
from booruflow.core.tables import open_table, read_stream, readable
from booruflow.sources.images.listing import IMAGE_PATH
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
`image` is the path of the image's file, null where there is none; `offset` and `size` (bytes) locate the image
when that file is a tar, and are null when it is not."""

SPLIT = re.compile(r"split_\d+\.(json|parquet)")

ARROW_SCHEMA = pl.DataFrame(schema=SHARD_SCHEMA).to_arrow(compat_level=pl.CompatLevel.oldest()).schema

GOLDEN_RATIO = 0x9E3779B97F4A7C15
"""1 / golden ratio as a fraction of 2^64."""

OPEN_SHARDS = 100
"""Shards that are written at the same time."""

BLOCK_ROWS = 1 << 17
"""Rows that are divided among the shards at a time, in memory: a shard's rows of a block are a row group of its parquet file."""

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Shard:
    """The inputs of a caption job: shard `number` of `count`, its rows and its journal."""

    split: Path
    """Parquet of SHARD_SCHEMA."""
    journal: Path
    attempts: Path
    """The folder of failed attempts (see `booruflow.captioning.failed`)."""
    number: int
    count: int
    style: str = ""
    """The name of a further style: the subfolder of the journal, and of that of the attempts, to which the job writes."""


def request_rows(ids: Iterable[pl.DataFrame], posts: Iterable[pl.DataFrame], images: Iterable[pl.DataFrame]) -> Stream:
    """The rows of SHARD_SCHEMA for a sorted stream of ids; tags are spelled as on the booru, however the config exports them."""

    def tags(category: str) -> pl.Expr:
        return tag_line([category], ", ").fill_null("")

    for id_rows, post_rows, image_rows in aligned([ids, posts, images]):
        rows = id_rows.select("id").join(post_rows, on="id", how="left", maintain_order="left")
        rows = rows.join(image_rows, on="id", how="left", maintain_order="left")
        yield rows.select(
            "id",
            general=tags("general"),
            characters=tags("character"),
            artists=tags("artist"),
            image=IMAGE_PATH,
            offset="offset",
            size="size",
            has_metadata=pl.col("has_metadata").fill_null(False),
        )


def check_images(images: int, images_of_posts: int) -> None:
    """Raise a UserError if there are images, and none of them is of a post."""
    if images and not images_of_posts:
        raise UserError(
            f"config.yaml: inputs.images: none of the {images:,} images is of a post of the data set: set inputs.image_name to"
            " the form of their names, or correct the folder"
        )


def shard_of(ids: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The shard of each id: which of `count` equal parts of [0, 1) the fractional part of id / golden ratio lies in.

    This is Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): ids in a row or in steps (all even, every
    thousandth) spread evenly. It depends on nothing else, so new posts move no post to another shard.
    """
    fractions = (ids.astype(np.uint64) * np.uint64(GOLDEN_RATIO)) >> np.uint64(32)
    return ((fractions * np.uint64(count)) >> np.uint64(32)).astype(np.int64)


def write_shards(json_paths: Sequence[str], table_paths: Sequence[str], rows: Iterable[pl.DataFrame]) -> list[int]:
    """Write shard n of N = len(json_paths): the list of ids as JSON, and the rows as parquet; return the counts.

    Shards of an earlier, greater number in the same folders are removed. At most 2 * OPEN_SHARDS files are open: more shards are
    first divided into spool files of consecutive shards.
    """
    paths = list(zip(json_paths, table_paths, strict=True))
    counts = _write_directly(paths, 0, len(paths), rows) if len(paths) <= OPEN_SHARDS else _write_in_two_steps(paths, rows)
    shards = {Path(path) for pair in paths for path in pair}
    for other in {other for folder in {shard.parent for shard in shards} for other in folder.iterdir()} - shards:
        if SPLIT.fullmatch(other.name):
            with writing(other):
                other.unlink()
    return counts


def _write_in_two_steps(paths: Sequence[tuple[str, str]], rows: Iterable[pl.DataFrame]) -> list[int]:
    """Divide the rows into spool files of consecutive shards, and write the shards of one spool file after the other."""
    width, counts = math.ceil(len(paths) / OPEN_SHARDS), []
    spool = spool_beside(paths[0][1])
    shutil.rmtree(spool, ignore_errors=True)
    try:
        with writing(spool):
            spool.mkdir(parents=True)
            spools = [spool / f"{first:06d}.parquet" for first in range(0, len(paths), width)]
            with ExitStack() as stack:
                tables = [stack.enter_context(pq.ParquetWriter(path, ARROW_SCHEMA, compression="none")) for path in spools]
                for part, frame in _divided(rows, lambda ids: shard_of(ids, len(paths)) // width):
                    tables[part].write_table(_arrow(frame))
        for path, first in zip(spools, range(0, len(paths), width), strict=True):
            counts += _write_directly(paths[first : first + width], first, len(paths), read_stream(path))
            path.unlink()
    finally:
        shutil.rmtree(spool, ignore_errors=True)
    return counts


def _write_directly(paths: Sequence[tuple[str, str]], first: int, count: int, rows: Iterable[pl.DataFrame]) -> list[int]:
    """Write the shards from number `first` of `count` on, one for each pair of paths, from the rows of these shards."""
    counts = [0] * len(paths)
    with ExitStack() as stack:
        lists = [stack.enter_context(open_whole(json_path)) for json_path, _ in paths]
        parts = [stack.enter_context(written_whole(table_path)) for _, table_path in paths]
        tables = [stack.enter_context(pq.ParquetWriter(part, ARROW_SCHEMA, compression="zstd")) for part in parts]
        for shard, frame in _divided(rows, lambda ids: shard_of(ids, count) - first):
            lines = bytes(joined_bytes(frame.select(pl.format("{}\n", "id")).to_series()))
            lists[shard].write((b",\n" if counts[shard] else b"[\n") + lines[:-1].replace(b"\n", b",\n"))
            tables[shard].write_table(_arrow(frame))
            counts[shard] += len(frame)
        for file, rows_in_shard in zip(lists, counts, strict=True):
            file.write(b"\n]\n" if rows_in_shard else b"[\n]\n")
    return counts


def _divided(
    rows: Iterable[pl.DataFrame], part_of: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> Iterator[tuple[int, pl.DataFrame]]:
    """The rows of each part with its number, in their order: one frame per part and block."""
    for block in _blocks(rows):
        numbers = pl.Series("part", part_of(block["id"].to_numpy()))
        parts = block.with_columns(numbers).partition_by("part", as_dict=True, include_key=False, maintain_order=True)
        yield from ((int(number), part) for (number,), part in parts.items())


def _blocks(rows: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The rows in frames of at least BLOCK_ROWS, but for the last."""
    pending: list[pl.DataFrame] = []
    for frame in rows:
        pending.append(frame)
        if sum(map(len, pending)) >= BLOCK_ROWS:
            yield pl.concat(pending)
            pending = []
    if pending:
        yield pl.concat(pending)


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(ARROW_SCHEMA)


def row_blocks(split: Path, size: int) -> Iterator[list[Row]]:
    """The rows of a shard, `size` at a time (the last block may be shorter).

    Raises:
        UserError: the file is missing, truncated or damaged.
    """
    with open_table(split) as table:
        for batch in readable(split, table.iter_batches(size)):
            yield batch.to_pylist()


def image_place(row: Row) -> tuple[str, int | None, int | None]:
    """Where a row's image is: the arguments `path`, `offset` and `size` of `booruflow.sources.images.reading`."""
    return row["image"], row["offset"], row["size"]
