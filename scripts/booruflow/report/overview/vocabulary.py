"""The commonest tags of each category, and how much of all tags the vocabulary covers, from the tables of the token file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from booruflow.tokens.prevalence import read_prevalence
from booruflow.tokens.threshold_costs import read_costs

SHOWN_TAGS = 12


@dataclass(frozen=True)
class CategoryFigures:
    """A category of tags."""

    name: str
    tags: int
    """Different tags."""
    commonest: list[tuple[str, int]]
    """Tag and number of posts."""
    min_count: int
    """The posts that a tag needs to have a token of its own."""
    tokens: int
    """The tags that have one."""
    covered: float
    """The share of all occurrences that are of these tags."""
    spelled: float
    """The share that is covered, counting those that are spelled with pieces."""


def category_figures(prevalence: Mapping[str, str | Path], costs: str | Path) -> list[CategoryFigures]:
    """The figures of each category, in the order of the token sections.

    Args:
        prevalence: the tables prevalence_{category}.tsv.
        costs: threshold_costs.tsv.

    Raises:
        UserError: a table is damaged.
    """
    figures = []
    for category, threshold, _, tokens, covered, spelled in read_costs(Path(costs)).filter("chosen").iter_rows():
        counts = read_prevalence(Path(prevalence[category]))
        commonest = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:SHOWN_TAGS]
        figures.append(CategoryFigures(category, len(counts), commonest, threshold, tokens, covered, spelled))
    return figures
