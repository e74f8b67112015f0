"""The captions of all sources as a stream, each with its origin and the tags of its post."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from booruflow.core.idjson import decode_json_text, member_json_text, read_entries
from booruflow.core.streams import Stream, aligned, merged_latest
from booruflow.core.tables import read_stream
from booruflow.products.meta_cap import NO_CAPTION
from booruflow.quality.people import people_counts

ORIGINS = ("base", "generated", "fallback", "edited")
"""Where a caption is from: existing captions, the model, the fallback, a person."""


def captions_by_origin(base: str | Path, good: Sequence[str | Path], fixed: Sequence[str | Path]) -> Stream:
    """The captions of meta_cap.json, `id`, `caption` and `origin`, from its sources in their order."""
    sources = [
        _with_origin(base, "base"),
        *(_generated(path) for path in good),
        *(_with_origin(path, "edited") for path in fixed),
    ]
    for frame in merged_latest(sources):
        kept = frame.filter(pl.col("value") != NO_CAPTION)
        yield kept.select("id", caption=decode_json_text(member_json_text("value", "caption")), origin="origin")


def _with_origin(path: str | Path, origin: str) -> Stream:
    for frame in read_entries(path, member="caption"):
        yield frame.with_columns(origin=pl.lit(origin))


def _generated(path: str | Path) -> Stream:
    """Entries of a good_{n}.json; those of the fallback say so after their caption."""
    for whole, frame in zip(read_entries(path), read_entries(path, member="caption"), strict=True):
        fallback = whole["value"].str.ends_with(',"fallback":true}')
        yield frame.with_columns(origin=pl.when(fallback).then(pl.lit("fallback")).otherwise(pl.lit("generated")))


def with_tags(captions: Stream, posts: str | Path) -> Iterator[pl.DataFrame]:
    """Captions with the tags of their posts, `general` and `character` ("" for none), and the number of `people` by the tags."""
    for rows, tags in aligned([captions, read_stream(posts, ["id", "general", "character"])]):
        joined = rows.join(tags, on="id", how="left", maintain_order="left")
        joined = joined.with_columns(pl.col("general", "character").fill_null(""))
        yield joined.with_columns(people=people_counts(joined["general"]))
