"""The plots of the token file: what the vocabulary's thresholds cost, and how many tokens the posts need."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.report.svg import Axis, histogram, linear, lines, powers_of_ten, save_svg
from booruflow.tokens.vocabulary import SECTION_ORDER

BAR_WIDTH = 4
"""Tokens per bar of the histogram of lengths."""


def draw_threshold_costs(costs: pl.DataFrame, path: str | Path) -> None:
    """Draw the table of `threshold_costs`: one line per category, with a dot at the chosen threshold.

    Thresholds that leave no token have no place on the logarithmic axis.
    """
    shown = costs.filter(pl.col("tokens") > 0).sort("tokens").with_columns(100 * pl.col("covered"))
    series, dots = (
        {category: rows.filter(category=category).select("tokens", "covered").rows() for category in SECTION_ORDER}
        for rows in (shown, shown.filter("chosen"))
    )
    x = powers_of_ten(1, max(shown["tokens"].to_list(), default=1))
    y = Axis(0, 100, [(percent, str(percent)) for percent in range(0, 101, 20)])
    save_svg(path, lines(series, x, y, ("tokens in the vocabulary", "tag occurrences covered, %"), dots))


def draw_token_lengths(lengths: NDArray[np.int64], max_length: int, path: str | Path) -> None:
    """Draw a histogram of the tokens that posts need; `lengths[n]` posts need n tokens.

    Bars reach up to the 99.9th percentile or `max_length`; the last bar counts all longer posts. A line marks `max_length`.
    """
    end = max(max_length, int(np.searchsorted(np.cumsum(lengths), 0.999 * lengths.sum()))) + 1
    bars = np.zeros(-(-end // BAR_WIDTH) + 1, np.int64)
    np.add.at(bars, np.minimum(np.arange(lengths.size) // BAR_WIDTH, bars.size - 1), lengths)
    edges = [number * BAR_WIDTH for number in range(bars.size + 1)]
    x = Axis(0, edges[-1], linear(edges[-1]).ticks[:-1])
    label = f"tokens a post needs (line: longest kept, {max_length}; last bar: all longer)"
    save_svg(path, histogram(bars.tolist(), x, edges, (label, "posts"), marks=[max_length + 1]))
