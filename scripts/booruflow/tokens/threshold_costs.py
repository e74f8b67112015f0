"""The table threshold_costs.tsv: for each threshold, the tokens in the vocabulary and the tag occurrences they cover."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from booruflow.core.files import open_whole
from booruflow.core.tables import read_tsv
from booruflow.tokens.spelling import pieces
from booruflow.tokens.vocabulary import SECTION_ORDER, TagCounts, at_least, select_tags

_SCHEMA = pl.Schema(
    {
        "category": pl.String,
        "threshold": pl.Int64,
        "chosen": pl.Boolean,
        "tokens": pl.Int64,
        "covered": pl.Float64,
        "spelled": pl.Float64,
    }
)


def threshold_costs(counts: TagCounts, min_count: Mapping[str, int]) -> pl.DataFrame:
    """For each category and threshold: the number of tokens, and the share of tag occurrences that they cover.

    `covered` is the share of occurrences whose tag has a token of its own. `spelled` adds the general labels without
    one whose pieces all have tokens. Thresholds are the powers of two up to the highest count, and the configured
    one, which is marked `chosen`. A category without tags has no rows.
    """
    rows = []
    highest = {category: max(counts[category].values(), default=0) for category in SECTION_ORDER}
    for category in SECTION_ORDER:
        powers = {1 << power for power in range(highest[category].bit_length())}
        total = sum(counts[category].values())
        for threshold in sorted({*powers, min_count[category]} if total else ()):
            selected = at_least(counts[category], threshold)
            spelled = 0
            if category == "general":
                selected_by_category = select_tags(counts, {**min_count, "general": threshold})
                selected = selected_by_category["general"]
                spelled = _spelled_occurrences(counts["general"], selected_by_category)
            covered = sum(count for name, count in counts[category].items() if name in selected)
            rows.append(
                {
                    "category": category,
                    "threshold": threshold,
                    "chosen": threshold == min_count[category],
                    "tokens": len(selected),
                    "covered": round(covered / total, 6),
                    "spelled": round((covered + spelled) / total, 6),
                }
            )
    return pl.DataFrame(rows, schema=_SCHEMA)


def _spelled_occurrences(labels: Mapping[str, int], selected: TagCounts) -> int:
    """Occurrences of the labels without a token of their own whose pieces all have tokens."""
    known = selected["general"].keys() | selected["character"].keys() | selected["copyright"].keys()
    return sum(
        count
        for label, count in labels.items()
        if label not in selected["general"] and len(found := pieces(label)) > 1 and known.issuperset(found)
    )


def write_costs(costs: pl.DataFrame, path: Path) -> None:
    """Write the table as TSV.

    Raises:
        UserError: the file cannot be written.
    """
    with open_whole(path) as file:
        costs.write_csv(file, separator="\t")


def read_costs(path: Path) -> pl.DataFrame:
    """Read a table of `write_costs`.

    Raises:
        UserError: it is missing or damaged.
    """
    return read_tsv(path, _SCHEMA)
