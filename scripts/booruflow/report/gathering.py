"""The counts that the plots show, gathered in one pass over the products; memory does not grow with the posts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import polars as pl

from booruflow.core.idjson import decode_json_text, member_json_text
from booruflow.core.streams import aligned

EXISTING, GENERATED, MENDED, TAGS, NOTHING = "existing", "generated", "mended", "tags alone", "nothing"
SOURCES = (EXISTING, GENERATED, MENDED, TAGS, NOTHING)
"""Where a post's training text comes from; of several the one that `meta_cap.json` holds."""

LONGEST, STEP = 400, 10
"""Captions are counted by words in steps of 10; longer ones are in the last."""


@dataclass
class Texts:
    """Of each source: posts by rating, and captions by length (shape (LONGEST / STEP + 1,), int64)."""

    posts: dict[str, Counter[str]] = field(default_factory=lambda: {source: Counter() for source in SOURCES})
    words: dict[str, "np.ndarray[Any, np.dtype[np.int64]]"] = field(
        default_factory=lambda: {source: np.zeros(LONGEST // STEP + 1, np.int64) for source in SOURCES[:3]}
    )


def gather_texts(
    posts: Iterable[pl.DataFrame],
    tags: Iterable[pl.DataFrame],
    captions: Iterable[pl.DataFrame],
    good: Sequence[Iterable[pl.DataFrame]],
    fixed: Sequence[Iterable[pl.DataFrame]],
) -> Texts:
    """Walk the posts (`id`, `rating`) beside all entries; `captions` are those of meta_cap.json, one member an entry."""
    texts = Texts()
    for rows, with_tags, merged, *generated in aligned([posts, tags, captions, *good, *fixed]):
        origin = (
            pl.when(_among(generated[len(good) :]))
            .then(pl.lit(MENDED))
            .when(_among(generated[: len(good)]))
            .then(pl.lit(GENERATED))
            .when(_among([merged]))
            .then(pl.lit(EXISTING))
            .when(_among([with_tags]))
            .then(pl.lit(TAGS))
            .otherwise(pl.lit(NOTHING))
        )
        marked = rows.with_columns(source=origin)
        for source, rating, count in marked.group_by("source", "rating").len().iter_rows():
            texts.posts[source][rating] += count
        text = decode_json_text(member_json_text("value", "caption"))
        words = merged.select("id", words=text.str.count_matches(r"\S+")).join(marked, on="id")
        for (source,), part in words.partition_by("source", as_dict=True).items():
            steps = np.minimum(part["words"].to_numpy() // STEP, LONGEST // STEP)
            texts.words[source] += np.bincount(steps, minlength=LONGEST // STEP + 1)
    return texts


def _among(frames: Sequence[pl.DataFrame]) -> pl.Expr:
    """Whether an id is in one of the frames."""
    ids = pl.concat([pl.Series("id", [], pl.Int64), *(frame["id"] for frame in frames)])
    return pl.col("id").is_in(ids.implode())


def gather_resolutions(resolutions: Iterable[pl.DataFrame]) -> Counter[tuple[int, int]]:
    """How many posts there are of each training resolution (width, height)."""
    counts: Counter[tuple[int, int]] = Counter()
    for frame in resolutions:
        sizes = frame.select("train_width", "train_height").drop_nulls().group_by(pl.all()).len()
        counts.update({(width, height): count for width, height, count in sizes.iter_rows()})
    return counts


def gather_outcomes(
    good: Iterable[pl.DataFrame], bad: Iterable[pl.DataFrame], skipped: Iterable[pl.DataFrame]
) -> Mapping[str, int]:
    """How the posts of one shard ended: `good`, `repaired`, and `bad: reason` and `skipped: reason`."""
    counts: Counter[str] = Counter()
    for frame in good:
        counts.update("repaired" if orjson.loads(value).get("repaired") else "good" for value in frame["value"])
    for name, entries in (("bad", bad), ("skipped", skipped)):
        for frame in entries:
            counts.update(f"{name}: {orjson.loads(value)['reason']}" for value in frame["value"])
    return counts
