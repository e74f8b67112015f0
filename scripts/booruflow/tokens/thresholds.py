"""Which tags get a token of their own, and what a threshold costs: tokens against occurrences covered."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.figure import Figure

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole, written_whole
from booruflow.tokens import CATEGORIES
from booruflow.tokens.labels import pieces
from booruflow.tokens.prevalence import count_pieces
from booruflow.tokens.vocabulary import special_names

Counts = Mapping[str, Mapping[str, int]]
"""For each category, the count of each name."""


def frequent_tags(counts: Counts, minimum: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The tags that get a token: those on at least `minimum[category]` posts, and pieces that spell the other labels.

    A piece is a general token of its own when it stands in at least `minimum["general"]` occurrences of labels that
    have none (its own posts as a label counted in), unless a general, character or copyright token has its name.
    """
    kept = {category: _passing(counts[category], minimum[category]) for category in CATEGORIES}
    rare = {label: count for label, count in counts["general"].items() if label not in kept["general"]}
    spelling = {
        piece: count + rare.get(piece, 0)
        for piece, count in count_pieces(rare).items()
        if not any(piece in kept[category] for category in ("general", "character", "copyright"))
    }
    kept["general"] |= {piece: count for piece, count in spelling.items() if count >= minimum["general"]}
    return kept


def _passing(counts: Mapping[str, int], minimum: int) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count >= minimum}


def threshold_for_size(counts: Counts, size: int, score_edges: Sequence[int] = ()) -> int:
    """The lowest threshold, the same for all categories, with which the vocabulary has at most `size` tokens.

    Found by bisection over the counts that occur.

    Raises:
        UserError: the special tokens alone are more than `size`.
    """
    room = size - len(special_names(score_edges))
    if room < 0:
        raise UserError(f"vocabulary size {size}: {size - room} special tokens do not fit: raise it")
    candidates = sorted({1, *(count + 1 for names in counts.values() for count in names.values())})

    def tokens(threshold: int) -> int:
        return sum(map(len, frequent_tags(counts, dict.fromkeys(CATEGORIES, threshold)).values()))

    low, high = -1, len(candidates) - 1  # no label reaches the last candidate, but a common piece may
    while tokens(candidates[high]) > room:
        candidates.append(candidates[-1] * 2)
        high += 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tokens(candidates[middle]) <= room else (middle, high)
    return candidates[high]


def threshold_costs(counts: Counts, chosen: Mapping[str, int]) -> pl.DataFrame:
    """For each category and threshold: the tokens that pass it, and the share of tag occurrences that they cover.

    `covered` is the share of occurrences whose tag has a token of its own. `spelled` adds the general labels without
    one whose pieces all have one. Thresholds are the powers of two up to the commonest tag, and the chosen one.
    A category without tags has no rows.
    """
    rows = []
    top = {category: max(counts[category].values(), default=0) for category in CATEGORIES}
    for category in CATEGORIES:
        powers = {1 << power for power in range(top[category].bit_length())}
        total = sum(counts[category].values())
        for threshold in sorted({*powers, chosen[category]} if total else ()):
            kept = _passing(counts[category], threshold)
            spelled = 0
            if category == "general":
                everything = frequent_tags(counts, {**chosen, "general": threshold})
                kept = everything["general"]
                spelled = _spelled_occurrences(counts["general"], everything)
            covered = sum(count for name, count in counts[category].items() if name in kept)
            rows.append(
                {
                    "category": category,
                    "threshold": threshold,
                    "chosen": threshold == chosen[category],
                    "tokens": len(kept),
                    "covered": round(covered / total, 6),
                    "spelled": round((covered + spelled) / total, 6),
                }
            )
    return pl.DataFrame(rows, schema=_COST_SCHEMA)


_COST_SCHEMA = pl.Schema(
    {
        "category": pl.String,
        "threshold": pl.Int64,
        "chosen": pl.Boolean,
        "tokens": pl.Int64,
        "covered": pl.Float64,
        "spelled": pl.Float64,
    }
)


def _spelled_occurrences(labels: Mapping[str, int], kept: Counts) -> int:
    known = kept["general"].keys() | kept["character"].keys() | kept["copyright"].keys()
    return sum(
        count
        for label, count in labels.items()
        if label not in kept["general"] and len(spelled := pieces(label)) > 1 and known.issuperset(spelled)
    )


def write_costs(costs: pl.DataFrame, path: Path) -> None:
    """Write the table of `threshold_costs` as TSV.

    Raises:
        UserError: the file cannot be written.
    """
    with open_whole(path) as file:
        costs.write_csv(file, separator="\t")


def plot_costs(costs: pl.DataFrame, path: Path) -> None:
    """Draw the table of `threshold_costs`: a line a category, a dot at the chosen threshold. The same SVG every time.

    Raises:
        UserError: the file cannot be written.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for category in CATEGORIES:
        rows = costs.filter(category=category).sort("tokens")
        (line,) = axes.plot(rows["tokens"], 100 * rows["covered"], label=category)
        dots = rows.filter("chosen")
        axes.plot(dots["tokens"], 100 * dots["covered"], "o", color=line.get_color())
    axes.set(xscale="log", xlabel="tokens in the vocabulary", ylabel="tag occurrences covered, %", ylim=(0, 101))
    axes.legend()
    axes.grid(alpha=0.3)
    save_svg(figure, path)


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, without its date and with fixed ids.

    Raises:
        UserError: the file cannot be written.
    """
    with mpl.rc_context({"svg.hashsalt": "booruflow"}), written_whole(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None})
