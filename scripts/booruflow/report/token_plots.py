"""The plots of the token file: what the vocabulary's thresholds cost, and how many tokens the posts need."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from numpy.typing import NDArray

from booruflow.report.svg import save_svg
from booruflow.tokens.vocabulary import SECTION_ORDER

BAR_WIDTH = 4
"""Tokens per bar of the histogram of lengths."""


def draw_threshold_costs(costs: pl.DataFrame, path: str | Path) -> None:
    """Draw the table of `threshold_costs`: one line per category, with a dot at the chosen threshold."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for category in SECTION_ORDER:
        rows = costs.filter(category=category).sort("tokens")
        (line,) = axes.plot(rows["tokens"], 100 * rows["covered"], label=category)
        chosen = rows.filter("chosen")
        axes.plot(chosen["tokens"], 100 * chosen["covered"], "o", color=line.get_color())
    axes.set(xscale="log", xlabel="tokens in the vocabulary", ylabel="tag occurrences covered, %", ylim=(0, 101))
    axes.legend()
    axes.grid(alpha=0.3)
    save_svg(figure, path)


def draw_token_lengths(lengths: NDArray[np.int64], max_length: int, path: str | Path) -> None:
    """Draw a histogram of the tokens that posts need; `lengths[n]` posts need n tokens.

    Bars reach up to the 99.9th percentile or `max_length`; the last bar counts all longer posts.
    """
    end = max(max_length, int(np.searchsorted(np.cumsum(lengths), 0.999 * lengths.sum()))) + 1
    bars = np.zeros(-(-end // BAR_WIDTH) + 1, np.int64)
    np.add.at(bars, np.minimum(np.arange(lengths.size) // BAR_WIDTH, bars.size - 1), lengths)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.bar(np.arange(bars.size) * BAR_WIDTH, bars, BAR_WIDTH, align="edge")
    axes.axvline(max_length + 1, color="black", linestyle=":", label=f"longest kept: {max_length}")
    axes.set(xlabel="tokens a post needs (the last bar: that many or more)", ylabel="posts")
    axes.legend()
    save_svg(figure, path)
