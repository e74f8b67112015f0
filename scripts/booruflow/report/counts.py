"""The counts behind the plots, from one pass over the products; memory does not grow with the number of posts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from booruflow.core.idjson import decode_json_text, decode_object, member_json_text, read_entries, read_entry_ids
from booruflow.core.streams import aligned

EXISTING, GENERATED, FIXED, TAGS, NOTHING = "existing", "generated", "fixed", "tags alone", "nothing"
SOURCES = (EXISTING, GENERATED, FIXED, TAGS, NOTHING)
"""Where a post's training text comes from; if several sources have a caption, the one used in `meta_cap.json`."""

MAX_WORDS, BIN_WIDTH = 400, 10
"""Range and bin width of the histograms of caption lengths in words; longer captions are counted in a last bin."""


@dataclass
class TextCounts:
    """Per source: posts by rating, and captions by length (shape (MAX_WORDS / BIN_WIDTH + 1,), int64)."""

    posts: dict[str, Counter[str]] = field(default_factory=lambda: {source: Counter() for source in SOURCES})
    words: dict[str, "np.ndarray[Any, np.dtype[np.int64]]"] = field(
        default_factory=lambda: {source: np.zeros(MAX_WORDS // BIN_WIDTH + 1, np.int64) for source in SOURCES[:3]}
    )


def count_texts(
    posts: Iterable[pl.DataFrame],
    tags: Iterable[pl.DataFrame],
    captions: Iterable[pl.DataFrame],
    good: Sequence[Iterable[pl.DataFrame]],
    fixed: Sequence[Iterable[pl.DataFrame]],
) -> TextCounts:
    """Count the posts (`id`, `rating`) and their captions by source.

    Args:
        posts: frames in id order, as all streams here.
        tags: entries of the tags JSON.
        captions: entries of meta_cap.json, read with their member `caption`; the words of their texts are counted.
        good: entries of `good_{n}.json`, one stream per shard.
        fixed: entries of `fixed_{n}.json`, one stream per shard.
    """
    counts = TextCounts()
    for rows, tagged, merged, *shards in aligned([posts, tags, captions, *good, *fixed]):
        source_of_post = (
            pl.when(~_has_entry([merged]) & _has_entry([tagged]))
            .then(pl.lit(TAGS))
            .when(~_has_entry([merged]))
            .then(pl.lit(NOTHING))
            .when(_has_entry(shards[len(good) :]))
            .then(pl.lit(FIXED))
            .when(_has_entry(shards[: len(good)]))
            .then(pl.lit(GENERATED))
            .otherwise(pl.lit(EXISTING))
        )
        sources = rows.with_columns(source=source_of_post)
        for source, rating, count in sources.group_by("source", "rating").len().iter_rows():
            counts.posts[source][rating] += count
        text = decode_json_text(member_json_text("value", "caption"))
        words = merged.select("id", words=text.str.count_matches(r"\S+")).join(sources, on="id")
        for (source,), part in words.partition_by("source", as_dict=True).items():
            bins = np.minimum(part["words"].to_numpy() // BIN_WIDTH, MAX_WORDS // BIN_WIDTH)
            counts.words[source] += np.bincount(bins, minlength=MAX_WORDS // BIN_WIDTH + 1)
    return counts


def _has_entry(frames: Sequence[pl.DataFrame]) -> pl.Expr:
    """Whether the id is in one of the frames."""
    ids = pl.concat([pl.Series("id", [], pl.Int64), *(frame["id"] for frame in frames)])
    return pl.col("id").is_in(ids.implode())


def count_resolutions(resolutions: Iterable[pl.DataFrame]) -> Counter[tuple[int, int]]:
    """Posts per training resolution (width, height)."""
    counts: Counter[tuple[int, int]] = Counter()
    for frame in resolutions:
        sizes = frame.select("train_width", "train_height").drop_nulls().group_by(pl.all()).len()
        counts.update({(width, height): count for width, height, count in sizes.iter_rows()})
    return counts


def count_outcomes(good: str | Path, bad: str | Path, skipped: str | Path, failed: str | Path) -> Mapping[str, int]:
    """Posts of one shard, given its files, per outcome: `good`, `repaired`, `failed`, `bad: <reason>`, `skipped: <reason>`.

    Raises:
        UserError: a file is damaged.
    """
    counts: Counter[str] = Counter()
    for frame in read_entries(good):
        counts.update("repaired" if decode_object(good, *row).get("repaired") else "good" for row in frame.iter_rows())
    for frame in read_entry_ids(failed):
        counts.update("failed" for _ in frame["id"])
    for name, path in (("bad", bad), ("skipped", skipped)):
        for frame in read_entries(path):
            counts.update(f"{name}: {decode_object(path, *row, 'reason')['reason']}" for row in frame.iter_rows())
    return counts
