"""policy_report.tsv: what a tag policy changed, and how often; and what of it changed nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from booruflow.core.files import open_whole
from booruflow.tags.categories import CategoryTags
from booruflow.tags.naming import Naming
from booruflow.tags.patterns import without_match

MAX_LISTED = 10
"""Entries that a warning names."""

HEADER = ("category", "tag", "action", "becomes", "posts", "rule")


def report_rows(category: CategoryTags, naming: Naming) -> Iterator[tuple[str, str, str, str, int, str]]:
    """The rows of a category, those of each action by falling number of posts, then by name."""
    name = category.category
    for tag, posts in _sorted(category.posts(category.dropped).items()):
        canonical = category.dropped[tag]
        yield name, tag, "dropped", "", posts, naming.dropped_by(name, canonical)
    for tag, posts in _sorted(category.posts(category.renamed).items()):
        canonical, rule = category.renamed[tag]
        yield name, tag, "renamed", canonical, posts, rule
    for tag, posts in _sorted(category.added.items()):
        yield name, tag, "added", tag, posts, "implied: add"
    for tag, posts in _sorted(category.removed.items()):
        yield name, tag, "removed", "", posts, "implied: remove"
    for tag, posts in _sorted(category.less_specific.items()):
        yield name, tag, "removed", "", posts, "drop_less_specific"


def write_report(path: str | Path, categories: Iterable[CategoryTags], naming: Naming) -> None:
    """Write the rows of all categories below a header."""
    with open_whole(path) as file:
        file.write(("\t".join(HEADER) + "\n").encode())
        for category in categories:
            file.writelines(("\t".join(map(str, row)) + "\n").encode() for row in report_rows(category, naming))


def unused_lines(own: Mapping[str, Collection[str]], categories: Iterable[CategoryTags]) -> Iterator[str]:
    """One line for each list of `booruflow.tags.policy.own_entries` some of whose entries match no tag of any post."""
    names = {category.category: category.names() for category in categories}
    for place, entries in own.items():
        if unused := without_match(entries, names):
            listed = ", ".join(unused[:MAX_LISTED]) + f" and {len(unused) - MAX_LISTED:,} more" * (len(unused) > MAX_LISTED)
            yield f"{place}: no post has a tag that matches {listed}: correct or remove what is misspelt"


def _sorted(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda item: (-item[1], item[0]))
