"""What is usual for captions of an origin: their lengths, and openings that most of them share. Gathered in a first pass."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

MIN_CAPTIONS = 100
"""Captions of an origin without which nothing is usual."""
FENCE = 3
"""A length is unusual beyond this many interquartile ranges of the logarithm, and beyond this many times the median."""
COMMON = 0.5
"""An opening is common if more than this part of an origin's captions have it."""
MAX_LENGTH = 1 << 16
"""Longer captions count as this long."""
COUNTERS = 512
"""Openings that are counted at a time; a count is too low by at most 1 in so many captions (Misra and Gries, 1982)."""

LENGTH = pl.col("caption").str.len_chars().clip(upper_bound=MAX_LENGTH - 1)


@dataclass(frozen=True)
class Kind:
    """What is usual for an origin."""

    shortest: int
    longest: int
    openings: frozenset[str]


def opening(artist_sentence: str) -> pl.Expr:
    """The first three words of a caption, in lower case; of a generated one those after the artist sentence."""
    before = re.escape(artist_sentence).replace(r"\{artist\}", ".{1,200}?") if artist_sentence else ""
    text = pl.col("caption").str.head(400)
    bare = pl.when(pl.col("origin") == "base").then(text).otherwise(text.str.replace(f"^{before} ", "") if before else text)
    return bare.str.extract(r"^[^\pL]*(\S+\s+\S+\s+\S+)").str.to_lowercase()


def usual(frames: Iterable[pl.DataFrame], artist_sentence: str) -> dict[str, Kind]:
    """What is usual for each origin, from frames of `caption` and `origin`; origins of fewer than MIN_CAPTIONS are left out."""
    lengths: dict[str, np.ndarray] = {}
    openings: dict[str, Counter[str]] = {}
    for frame in frames:
        measured = frame.select("origin", length=LENGTH, opening=opening(artist_sentence))
        for (origin,), rows in measured.group_by("origin"):
            lengths.setdefault(origin, np.zeros(MAX_LENGTH, np.int64))
            lengths[origin] += np.bincount(rows["length"].to_numpy(), minlength=MAX_LENGTH)
            counts = openings.setdefault(origin, Counter())
            counts.update(dict(rows["opening"].drop_nulls().value_counts().iter_rows()))
            _keep_frequent(counts)
    return {
        origin: Kind(
            *_fences(histogram), frozenset(text for text, count in openings[origin].items() if count > COMMON * histogram.sum())
        )
        for origin, histogram in lengths.items()
        if histogram.sum() >= MIN_CAPTIONS
    }


def _keep_frequent(counts: Counter[str]) -> None:
    if len(counts) > COUNTERS:
        least = sorted(counts.values(), reverse=True)[COUNTERS]
        for text in [text for text, count in counts.items() if count <= least]:
            del counts[text]
        counts.subtract(dict.fromkeys(counts, least))


def _fences(histogram: np.ndarray) -> tuple[int, int]:
    below = np.cumsum(histogram)
    low, median, high = (max(int(np.searchsorted(below, share * below[-1])), 1) for share in (0.25, 0.5, 0.75))
    spread = (high / low) ** FENCE
    return int(min(low / spread, median / FENCE)), int(max(high * spread, median * FENCE))


def unusual(frame: pl.DataFrame, kinds: Mapping[str, Kind], artist_sentence: str) -> pl.DataFrame:
    """Flags `short`, `long` and `common_opening` of captions with `origin`."""
    flags = []
    for (origin,), rows in frame.group_by("origin"):
        if kind := kinds.get(str(origin)):
            length = pl.format("{} characters, usual are {} to {}", LENGTH, pl.lit(kind.shortest), pl.lit(kind.longest))
            flags.append(rows.filter(kind.shortest > LENGTH).select("id", flag=pl.lit("short"), detail=length))
            flags.append(rows.filter(kind.longest < LENGTH).select("id", flag=pl.lit("long"), detail=length))
            if kind.openings:
                opened = rows.select("id", flag=pl.lit("common_opening"), detail=opening(artist_sentence))
                flags.append(opened.filter(pl.col("detail").is_in(list(kind.openings))))
    return pl.concat(flags) if flags else pl.DataFrame(schema={"id": pl.Int64, "flag": pl.String, "detail": pl.String})
