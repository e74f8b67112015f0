"""Base captions: those that exist already, in tables of other tools or converted from their JSON files."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import spool_beside
from booruflow.core.jobs import WARNING
from booruflow.core.streams import Stream, aligned, merged_latest
from booruflow.sources.tables.columns import Column
from booruflow.sources.tables.sorted_rows import sorted_rows

CAPTIONS_SCHEMA = {"id": pl.Int64, "caption": pl.String}
"""A stream of captions; also the columns of converted/captions_{k}.parquet."""


def caption_streams(
    sources: Sequence[Mapping[str, Any]], converted: Sequence[bool], tables: Sequence[str], target: str | Path
) -> list[Stream]:
    """One sorted stream of CAPTIONS_SCHEMA for each source of the config, in its order.

    Args:
        sources: the config section inputs.captions.
        converted: for each source, whether its JSON files were converted to one table of CAPTIONS_SCHEMA.
        tables: parquet files, source by source: the converted table, or the files of the source.
        target: the product; unsorted tables are sorted beside it.

    Raises:
        UserError: as `sorted_rows`; or a caption column does not hold text.
    """
    streams: list[Stream] = []
    remaining = iter(tables)
    for k, (source, is_converted) in enumerate(zip(sources, converted, strict=True)):
        if is_converted:
            files, id_column, names = [next(remaining)], "id", ["caption"]
        else:
            files, id_column, names = [next(remaining) for _ in source["files"]], source["id"], source["columns"]
        remedy = f"correct inputs.captions.{k}.columns"
        columns = [Column(f"text {n}", name, pl.String, remedy=remedy) for n, name in enumerate(names)]
        rows = sorted_rows(files, id_column, columns, spool_beside(target, f"spool{k}"), f"captions {k + 1}")
        streams.append(map(join_columns, rows))
    return streams


def join_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """`id` and `caption`: all columns but `id` joined by one space, in their order; rows without any text are left out.

    Null, empty text and white space alone are all 'no text'. Line breaks inside a text stay.
    """
    stripped = [pl.col(name).str.strip_chars() for name in frame.columns if name != "id"]
    texts = [pl.when(text != "").then(text) for text in stripped]
    return frame.select("id", caption=pl.concat_str(texts, separator=" ", ignore_nulls=True)).filter(pl.col("caption") != "")


def captions_of_posts(sources: Sequence[Iterable[pl.DataFrame]], ids: Iterable[pl.DataFrame]) -> Stream:
    """The captions of all sources, as `caption_streams` gives them, whose ids are in the stream `ids`; the last source wins.

    Prints how many were found, and warns of each source none of whose captions is of a post.

    Raises:
        UserError: there are posts and sources, and no caption, or none of a post.
    """
    none = pl.DataFrame(schema=CAPTIONS_SCHEMA)  # for its columns where there is no source
    posts, found, matched, total = 0, [0] * len(sources), [0] * len(sources), 0
    for *frames, wanted in aligned([*sources, ids]):
        posts += len(wanted)
        kept = [frame.join(wanted.select("id"), on="id", how="semi", maintain_order="left") for frame in frames]
        for number, (frame, rows) in enumerate(zip(frames, kept, strict=True)):
            found[number] += len(frame)
            matched[number] += len(rows)
        for merged in merged_latest([[none], *([rows] for rows in kept)]):
            total += len(merged)
            yield merged
    print(f"{counted_noun(sum(found), 'caption')} found, {total:,} of posts of the data set")
    if posts and sources and not total:
        raise UserError(f"config.yaml: inputs.captions: {_nothing(sum(found))}")
    for number, (captions, of_posts) in enumerate(zip(found, matched, strict=True)):
        if posts and not of_posts:
            print(f"{WARNING}config.yaml: inputs.captions.{number}: {_nothing(captions)}")


def _nothing(captions: int) -> str:
    """What is wrong where no caption is used, of so many that were found."""
    if captions:
        return "no caption is of a post of the data set: set the id of the sources to their column of post ids"
    return "no caption in the files: name other files or columns, or leave the source out"


def caption_entries(stream: Iterable[pl.DataFrame]) -> Stream:
    """Entries `{"caption": ...}` of a stream of captions: columns `id`, `value` (JSON text)."""
    for frame in stream:
        yield frame.select("id", value=pl.struct("caption").struct.json_encode())
