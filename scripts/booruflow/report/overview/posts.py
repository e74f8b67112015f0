"""What became of each post, from one pass over the products; memory does not grow with the number of posts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from booruflow.core.idjson import decode_json_text, member_json_text
from booruflow.core.streams import aligned

EXISTING, GENERATED, EDITED, TAGS = "existing", "generated", "edited", "tags alone"
SOURCES = (EXISTING, GENERATED, EDITED, TAGS)
"""Where a post's training text comes from; if several sources have a caption, the one used in `meta_cap.json`."""

NO_TEXT = "neither tags nor caption"
NO_VARIANT = "all variants of the text are empty"
"""Reasons why a post with a usable image is not trained on."""

MAX_WORDS, BIN_WIDTH = 400, 10
"""Range and bin width of the histograms of caption lengths in words; longer captions are counted in a last bin."""

RATIO_EDGES = [float(ratio) for ratio in 2 ** (np.arange(-12, 13) / 6)]
"""Of the histogram of width to height, in steps of a sixth of a doubling; other ratios count in the first and last bin."""

Counts = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class PostCounts:
    """Every post is counted once: in `excluded`, or under its source in `trained`."""

    posts: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    """By the reason why the post is not trained on."""
    trained: dict[str, Counter[str | None]] = field(default_factory=lambda: {source: Counter() for source in SOURCES})
    """By source of the text, and rating."""
    words: dict[str, Counts] = field(
        default_factory=lambda: {source: np.zeros(MAX_WORDS // BIN_WIDTH + 1, np.int64) for source in SOURCES[:3]}
    )
    """Captions by their length, also of posts that are not trained on."""
    buckets: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Posts that are trained on by training resolution, (width, height) in pixels."""
    ratios: Counts = field(default_factory=lambda: np.zeros(len(RATIO_EDGES) - 1, np.int64))
    """The same by aspect ratio of the image."""
    enlarged: int = 0
    """Those among them whose image has fewer pixels than its training resolution."""
    oldest: datetime | None = None
    newest: datetime | None = None
    """The times of the first and last upload, where the metadata has them."""

    def trained_in_all(self) -> int:
        """The number of posts that are trained on."""
        return sum(counts.total() for counts in self.trained.values())


def count_posts(
    posts: Iterable[pl.DataFrame],
    tags: Iterable[pl.DataFrame],
    captions: Iterable[pl.DataFrame],
    resolutions: Iterable[pl.DataFrame],
    reasons: Sequence[Iterable[pl.DataFrame]],
    good: Sequence[Iterable[pl.DataFrame]],
    fixed: Sequence[Iterable[pl.DataFrame]],
    variants: bool = False,
) -> PostCounts:
    """Count the posts, their captions and their images.

    Args:
        posts: `id`, `rating` and perhaps `created_at`; frames in id order, as all streams here.
        tags: the ids of the tags JSON.
        captions: entries of meta_cap.json, read with their member `caption`; the words of their texts are counted.
        resolutions: of `booruflow.sources.resolutions.RESOLUTIONS_SCHEMA`.
        reasons: streams of `id` and `reason`: why posts are not trained on. Of several reasons the first counts.
        good: the ids of `good_{n}.json`, one stream per shard.
        fixed: the ids of `fixed_{n}.json`, one stream per shard.
        variants: whether texts are made by variants: then a post has one also without caption and tags, its rating say, unless
            `reasons` says that it has none.
    """
    counts = PostCounts()
    for rows, tagged, merged, sizes, *others in aligned([posts, tags, captions, resolutions, *reasons, *good, *fixed]):
        excluded, shards = others[: len(reasons)], others[len(reasons) :]
        source_of_caption = (
            pl.when(_has_entry(shards[len(good) :]))
            .then(pl.lit(EDITED))
            .when(_has_entry(shards[: len(good)]))
            .then(pl.lit(GENERATED))
            .otherwise(pl.lit(EXISTING))
        )
        # a person may want a post to have no caption
        source_of_post = pl.when(_has_entry([merged])).then(source_of_caption).when(_has_entry([tagged])).then(pl.lit(TAGS))
        why = pl.concat([frame.select("id", "reason") for frame in excluded]) if excluded else _NO_REASONS
        rows = rows.join(why.unique("id", keep="first", maintain_order=True), on="id", how="left").with_columns(
            source=source_of_post
        )
        if variants:
            rows = rows.with_columns(pl.col("source").fill_null(TAGS))
        rows = rows.with_columns(reason=pl.coalesce("reason", pl.when(pl.col("source").is_null()).then(pl.lit(NO_TEXT))))
        counts.posts += len(rows)
        counts.excluded.update(dict(rows.drop_nulls("reason").group_by("reason").len().iter_rows()))
        trained = rows.filter(pl.col("reason").is_null())
        for source, rating, count in trained.group_by("source", "rating").len().iter_rows():
            counts.trained[source][rating] += count
        _count_words(counts, merged, rows)
        _count_sizes(counts, sizes.join(trained, on="id", how="semi"))
        _count_dates(counts, rows)
    return counts


_NO_REASONS = pl.DataFrame(schema={"id": pl.Int64, "reason": pl.String})


def _has_entry(frames: Sequence[pl.DataFrame]) -> pl.Expr:
    """Whether the id is in one of the frames."""
    ids = pl.concat([pl.Series("id", [], pl.Int64), *(frame["id"] for frame in frames)])
    return pl.col("id").is_in(ids.implode())


def _count_words(counts: PostCounts, merged: pl.DataFrame, sources: pl.DataFrame) -> None:
    text = decode_json_text(member_json_text("value", "caption"))
    words = merged.select("id", words=text.str.count_matches(r"\S+")).join(sources.select("id", "source"), on="id")
    for (source,), part in words.partition_by("source", as_dict=True).items():
        bins = np.minimum(part["words"].to_numpy() // BIN_WIDTH, MAX_WORDS // BIN_WIDTH)
        counts.words[source] += np.bincount(bins, minlength=MAX_WORDS // BIN_WIDTH + 1)


def _count_sizes(counts: PostCounts, sizes: pl.DataFrame) -> None:
    sides = ["train_width", "train_height"]
    counts.buckets.update({(width, height): count for width, height, count in sizes.group_by(sides).len().iter_rows()})
    known = sizes.filter((pl.col("image_width") > 0) & (pl.col("image_height") > 0))
    ratios = (known["image_width"] / known["image_height"]).clip(RATIO_EDGES[0], RATIO_EDGES[-1])
    counts.ratios += np.histogram(ratios.to_numpy(), RATIO_EDGES)[0]
    pixels = [pl.col(f"{kind}_width").cast(pl.Int64) * pl.col(f"{kind}_height") for kind in ("image", "train")]
    counts.enlarged += known.select((pixels[0] < pixels[1]).sum()).item()


def _count_dates(counts: PostCounts, rows: pl.DataFrame) -> None:
    if "created_at" in rows.columns:
        times = [time for time in (rows["created_at"].min(), rows["created_at"].max()) if isinstance(time, datetime)]
        for time in times:
            counts.oldest = min(counts.oldest or time, time)
            counts.newest = max(counts.newest or time, time)
