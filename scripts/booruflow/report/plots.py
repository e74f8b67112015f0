"""The plots of the rule plots, as SVG; equal counts give equal bytes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from booruflow.report.counts import BIN_WIDTH, EXISTING, FIXED, GENERATED, MAX_WORDS, NOTHING, SOURCES, TAGS, TextCounts
from booruflow.report.svg import save_svg

COLOURS = {EXISTING: "#4477aa", GENERATED: "#228833", FIXED: "#ccbb44", TAGS: "#bbbbbb", NOTHING: "#ee6677"}
"""Distinguishable with colour blindness: the bright scheme of Paul Tol, Colour Schemes, SRON/EPS/TN/09-002."""

OUTCOME_COLOURS = {"good": "#228833", "repaired": "#66ccee", "failed": "#222222"}
REASON_COLOURS = {"bad": ("#ee6677", "#aa3377", "#cc6600", "#882255", "#ddaa33"), "skipped": ("#bbbbbb", "#777777", "#444444")}

RATINGS = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit"}
MAX_RESOLUTIONS = 24
MAX_REASONS = 5
"""Reasons shown for each outcome, the most frequent ones; the rest are one bar."""
MAX_LABEL = 60
"""Characters of a label. Reasons quote other programs and may have any text."""


def draw_coverage(counts: TextCounts, path: str | Path) -> None:
    """Posts by rating and source of their training text."""
    ratings = sorted({rating for by_rating in counts.posts.values() for rating in by_rating}, key=_rating_order)
    bars = {source: [counts.posts[source][rating] for rating in ratings] for source in SOURCES}
    labels = [RATINGS.get(rating, plain_label(str(rating))) for rating in ratings]
    figure = _stacked(labels, bars, COLOURS, "posts")
    _legend(figure)
    save_svg(figure, path)


def draw_outcomes(shards: Sequence[Mapping[str, int]], path: str | Path) -> None:
    """Posts by outcome, per shard."""
    totals: Counter[str] = Counter()
    for shard in shards:
        totals.update(shard)
    colours = dict(OUTCOME_COLOURS)
    label_of = {name: name for name in OUTCOME_COLOURS}
    for outcome, palette in REASON_COLOURS.items():
        names = sorted((name for name in totals if name.startswith(f"{outcome}: ")), key=lambda name: (-totals[name], name))
        label_of |= {name: plain_label(name) for name in names[:MAX_REASONS]}
        label_of |= dict.fromkeys(names[MAX_REASONS:], f"{outcome}: other reasons")
        labels = sorted({label_of[name] for name in names})
        colours |= {label: palette[number % len(palette)] for number, label in enumerate(labels)}
    bars = {label: [0] * len(shards) for label in colours}
    for number, shard in enumerate(shards):
        for name, count in shard.items():
            bars[label_of[name]][number] += count
    shown = {label: counts for label, counts in bars.items() if any(counts)}
    figure = _stacked([f"shard {n}" for n in range(len(shards))], shown, colours, "posts without an existing caption")
    _legend(figure)
    save_svg(figure, path)


def plain_label(text: str) -> str:
    """A text as a label on one line: shortened, unprintable characters as spaces, `$` as itself and not as mathematics."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return (line if len(line) <= MAX_LABEL else f"{line[: MAX_LABEL - 1]}…").replace("$", r"\$")


def draw_lengths(counts: TextCounts, path: str | Path) -> None:
    """Histograms of caption lengths in words, one per source."""
    shown = {source: bins for source, bins in counts.words.items() if bins.any()} or {EXISTING: counts.words[EXISTING]}
    end = max(int(np.flatnonzero(bins).max(initial=0)) for bins in shown.values()) + 1
    figure = Figure(figsize=(8, 0.6 + 1.5 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
    for axes, (source, bins) in zip(panels, shown.items(), strict=True):
        axes.stairs(bins[:end], np.arange(0, end + 1) * BIN_WIDTH, fill=True, color=COLOURS[source])
        axes.set_title(f"{source} ({bins.sum():,})", loc="left", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    panels[-1].set_xlabel(f"words of a caption{f' ({MAX_WORDS} and more together)' if end > MAX_WORDS // BIN_WIDTH else ''}")
    figure.supylabel("captions", fontsize="medium")
    save_svg(figure, path)


def draw_resolutions(counts: Counter[tuple[int, int]], path: str | Path) -> None:
    """Posts per training resolution, widest first: the most frequent ones, and the rest as one bar."""
    frequent = sorted(counts, key=lambda size: (-counts[size], size))[:MAX_RESOLUTIONS]
    shown = sorted(frequent, key=lambda size: (-size[0] / size[1], size))
    labels = [f"{width} × {height}" for width, height in shown]
    values = [counts[size] for size in shown]
    if rest := counts.total() - sum(values):
        labels.append(f"{len(counts) - len(shown)} others")
        values.append(rest)
    save_svg(_stacked(labels, {"posts": values}, {"posts": "#4477aa"}, "posts"), path)


def _rating_order(rating: str | None) -> tuple[int, str]:
    known = list(RATINGS)
    return (known.index(rating) if rating in known else len(known), str(rating))


def _stacked(labels: Sequence[str], bars: Mapping[str, Sequence[int]], colours: Mapping[str, str], xlabel: str) -> Figure:
    """Stacked horizontal bars, the first label at the top, each with its total at the end."""
    figure = Figure(figsize=(8, 1.5 + 0.3 * max(len(labels), 3)), layout="constrained")
    axes = figure.add_subplot()
    left = np.zeros(len(labels), np.int64)
    for name, values in bars.items():
        axes.barh(labels, values, left=left, height=0.7, color=colours[name], label=f"{name} ({sum(values):,})")
        left += np.array(values, np.int64)
    for position, total in enumerate(left):
        axes.annotate(f"{total:,}", (total, position), (3, 0), textcoords="offset points", va="center")
    axes.set_xlabel(xlabel)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    return figure


def _legend(figure: Figure) -> None:
    """A legend above the plot, unless it is empty: in three columns or, with long labels, in one, for which the figure grows."""
    labels = [str(container.get_label()) for container in figure.axes[0].containers]
    if labels:
        columns = 3 if max(map(len, labels)) <= 40 else 1
        rows = -(-len(labels) // columns)
        figure.set_figheight(figure.get_figheight() + 0.2 * max(0, rows - 3))
        figure.legend(loc="outside upper left", ncols=columns, frameon=False)
