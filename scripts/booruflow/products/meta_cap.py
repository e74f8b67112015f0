"""meta_cap: the captions of all sources in one file; for an id in several sources, the last one counts."""

from collections.abc import Iterable, Sequence

import polars as pl

from booruflow.core.streams import Stream, merged_latest


def meta_cap_entries(base: Iterable[pl.DataFrame], generated: Sequence[Iterable[pl.DataFrame]]) -> Stream:
    """Merge entries of base captions with those of good and fixed files, in this order: the later stream replaces the earlier."""
    return merged_latest([base, *map(captions_only, generated)])


def captions_only(stream: Iterable[pl.DataFrame]) -> Stream:
    """Reduce entries of good or fixed files, which may hold other keys, to `{"caption": ...}`."""
    for frame in stream:
        parsed = frame.select("id", pl.col("value").str.json_decode(pl.Struct({"caption": pl.String})))
        yield parsed.with_columns(value=pl.col("value").struct.json_encode())
