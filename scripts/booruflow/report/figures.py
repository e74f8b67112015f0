"""The plots, as SVG that is the same to the byte whenever it is drawn from the same counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from booruflow.report.gathering import EXISTING, GENERATED, LONGEST, MENDED, NOTHING, SOURCES, STEP, TAGS, Texts
from booruflow.report.svg import save_svg

COLOURS = {EXISTING: "#4477aa", GENERATED: "#228833", MENDED: "#ccbb44", TAGS: "#bbbbbb", NOTHING: "#ee6677"}
"""Told apart by colour-blind readers too: Paul Tol, Colour Schemes, SRON/EPS/TN/09-002, the bright scheme."""

OUTCOMES = {"good": "#228833", "repaired": "#66ccee"}
BAD, SKIPPED = ("#ee6677", "#aa3377", "#cc6600", "#882255", "#ddaa33"), ("#bbbbbb", "#777777", "#444444")

RATINGS = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit"}
MOST_RESOLUTIONS = 24


def draw_coverage(texts: Texts, path: str | Path) -> None:
    """Where the training text of the posts comes from, by rating."""
    ratings = sorted({rating for counts in texts.posts.values() for rating in counts}, key=_rating_order)
    bars = {source: [texts.posts[source][rating] for rating in ratings] for source in SOURCES}
    labels = [RATINGS.get(rating, str(rating)) for rating in ratings]
    figure = _stacked(labels, bars, COLOURS)
    figure.axes[0].set_xlabel("posts")
    _legend(figure)
    save_svg(figure, path)


def draw_outcomes(shards: Sequence[Mapping[str, int]], path: str | Path) -> None:
    """How the posts of each shard ended."""
    totals = sum((Counter(shard) for shard in shards), Counter())
    colours = dict(OUTCOMES)
    for lead, palette in (("bad", BAD), ("skipped", SKIPPED)):
        names = sorted(name for name in totals if name.startswith(f"{lead}: "))
        colours |= {name: palette[i % len(palette)] for i, name in enumerate(names)}
    bars = {name: [shard.get(name, 0) for shard in shards] for name in colours if totals[name]}
    figure = _stacked([f"shard {n}" for n in range(len(shards))], bars, colours)
    figure.axes[0].set_xlabel("posts without an existing caption")
    _legend(figure)
    save_svg(figure, path)


def draw_lengths(texts: Texts, path: str | Path) -> None:
    """Histograms of caption lengths in words, one for each source."""
    shown = {source: counts for source, counts in texts.words.items() if counts.any()} or {EXISTING: texts.words[EXISTING]}
    last = max(int(np.flatnonzero(counts).max(initial=0)) for counts in shown.values()) + 1
    figure = Figure(figsize=(8, 0.6 + 1.5 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
    for axes, (source, counts) in zip(panels, shown.items(), strict=True):
        axes.stairs(counts[:last], np.arange(0, last + 1) * STEP, fill=True, color=COLOURS[source])
        axes.set_title(f"{source} ({counts.sum():,})", loc="left", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    panels[-1].set_xlabel(f"words of a caption{f' ({LONGEST} and more together)' if last > LONGEST // STEP else ''}")
    figure.supylabel("captions", fontsize="medium")
    save_svg(figure, path)


def draw_resolutions(counts: Counter[tuple[int, int]], path: str | Path) -> None:
    """The most frequent training resolutions, from the widest to the tallest, and the rest together."""
    most = sorted(counts, key=lambda size: (-counts[size], size))[:MOST_RESOLUTIONS]
    shown = sorted(most, key=lambda size: (-size[0] / size[1], size))
    labels = [f"{width} × {height}" for width, height in shown]
    heights = [counts[size] for size in shown]
    if rest := counts.total() - sum(heights):
        labels.append(f"{len(counts) - len(shown)} others")
        heights.append(rest)
    figure = _stacked(labels, {"posts": heights}, {"posts": "#4477aa"})
    figure.axes[0].set_xlabel("posts")
    save_svg(figure, path)


def _rating_order(rating: str | None) -> tuple[int, str]:
    known = list(RATINGS)
    return (known.index(rating) if rating in known else len(known), str(rating))


def _stacked(labels: Sequence[str], bars: Mapping[str, Sequence[int]], colours: Mapping[str, str]) -> Figure:
    """Horizontal bars, the first label on top, with the total at the end of each."""
    figure = Figure(figsize=(8, 1.5 + 0.3 * max(len(labels), 3)), layout="constrained")
    axes = figure.add_subplot()
    left = np.zeros(len(labels), np.int64)
    for name, values in bars.items():
        axes.barh(labels, values, left=left, height=0.7, color=colours[name], label=f"{name} ({sum(values):,})")
        left += np.array(values, np.int64)
    for place, total in enumerate(left):
        axes.annotate(f"{total:,}", (total, place), (3, 0), textcoords="offset points", va="center")
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    return figure


def _legend(figure: Figure) -> None:
    """Name each part with its total."""
    if figure.axes[0].containers:
        figure.legend(loc="outside upper left", ncols=3, frameon=False)
