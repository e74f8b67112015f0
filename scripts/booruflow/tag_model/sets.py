"""Tag sets as flat arrays: what the model, its rivals and their evaluation read, whatever file they came from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from booruflow.core.errors import UserError

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

SPECIAL = "special"
"""The category of tokens that are no tags; no set has them."""


@dataclass(frozen=True)
class Vocabulary:
    """The tags a model knows. A tag's id is its place in `names`."""

    names: tuple[str, ...]
    category: Integers
    """[tags] Index into `categories` of each tag."""
    categories: tuple[str, ...]
    counts: Integers
    """[tags] On how many sets each tag stands; 0 for one that no set has."""

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def ids(self) -> dict[str, int]:
        """From a tag's name to its id."""
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def is_tag(self) -> Booleans:
        """[tags] False for what only holds a record together: tokens of the category `special`."""
        return np.array([self.categories[category] != SPECIAL for category in self.category], bool)

    def tags_among(self, ids: Iterable[int]) -> list[int]:
        """The tags among the ids of a record, each once, ascending: what a model takes."""
        return sorted({int(number) for number in ids if self.is_tag[number]})


@dataclass(frozen=True)
class TagSets:
    """Many tag sets, one behind the other."""

    tokens: NDArray[Any]
    """[all tags of all sets] Tag ids, each at most once a set."""
    offsets: Integers
    """[sets + 1] Set i is `tokens[offsets[i]:offsets[i + 1]]`."""
    ids: NDArray[Any]
    """[sets] What each set belongs to: post ids, or names."""
    groups: NDArray[Any]
    """[sets] What the split looks at: sets of one group land on one side."""
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> Integers:
        """[sets] How many tags each set has."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> Integers:
        """[all tags] The set each tag stands in."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def take(self, chosen: Integers | Booleans | slice) -> "TagSets":
        """The chosen sets, in the order chosen."""
        where: NDArray[Any]
        if isinstance(chosen, slice):
            where = np.arange(*chosen.indices(len(self)))
        else:
            where = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        sizes = self.offsets[where + 1] - self.offsets[where]
        offsets = offsets_of(sizes)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[where] - offsets[:-1], sizes)
        return TagSets(self.tokens[places], offsets, self.ids[where], self.groups[where], self.vocabulary)

    def only(self, kept: Booleans) -> "TagSets":
        """The same sets with only the tags where `kept` ([all tags]) holds; a set may end up empty."""
        sizes = np.bincount(self.rows[kept], minlength=len(self))
        return replace(self, tokens=self.tokens[kept], offsets=offsets_of(sizes))

    def matrix(self) -> sparse.csr_array:
        """Sets by tags, 1 where a tag stands (float32)."""
        ones = np.ones(len(self.tokens), np.float32)
        return sparse.csr_array((ones, self.tokens, self.offsets), shape=(len(self), len(self.vocabulary)))

    def count(self) -> Integers:
        """[tags] On how many of these sets each tag stands."""
        counts = np.zeros(len(self.vocabulary), np.int64)
        for start in range(0, len(self.tokens), 2**24):
            counts += np.bincount(self.tokens[start : start + 2**24], minlength=len(counts))
        return counts

    def with_counts(self) -> "TagSets":
        """The same sets, with the vocabulary's counts taken from them."""
        return self.under(replace(self.vocabulary, counts=self.count()))

    def under(self, vocabulary: Vocabulary) -> "TagSets":
        """The same sets under a vocabulary with the same ids."""
        return replace(self, vocabulary=vocabulary)

    def recoded(self, vocabulary: Vocabulary) -> "TagSets":
        """The same sets under another vocabulary, matched by name; tags it lacks drop out."""
        codes = np.array([vocabulary.ids.get(name, -1) for name in self.vocabulary.names], np.int64)
        tokens = codes[self.tokens]
        known = self.only(tokens >= 0)
        return replace(known, tokens=tokens[tokens >= 0], vocabulary=vocabulary)


def offsets_of(sizes: NDArray[Any]) -> Integers:
    """[n + 1] Where each of n runs of the given sizes starts, and the end of the last."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def joined(parts: Sequence[TagSets]) -> TagSets:
    """The sets of at least one part, one after the other, under the first's vocabulary."""
    return TagSets(
        np.concatenate([part.tokens for part in parts]),
        offsets_of(np.concatenate([part.sizes for part in parts])),
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.groups for part in parts]),
        parts[0].vocabulary,
    )


def tag_sets(tags: Iterable[Sequence[str]], ids: Sequence[object], groups: Sequence[object], separator: str = "::") -> TagSets:
    """Tag sets from lists of names such as `category::tag`; the vocabulary is all of their names, sorted.

    A tag that stands twice in a list counts once. A name without the separator is its own category.
    """
    lists = [list(dict.fromkeys(names)) for names in tags]
    names = tuple(sorted({name for row in lists for name in row}))
    facets = [name.split(separator, 1)[0] for name in names]
    categories = tuple(sorted(set(facets)))
    number = {category: index for index, category in enumerate(categories)}
    empty = np.zeros(len(names), np.int64)
    vocabulary = Vocabulary(names, np.array([number[facet] for facet in facets], np.int64), categories, empty)
    tokens = np.array([vocabulary.ids[name] for row in lists for name in row], np.int64)
    offsets = offsets_of(np.array([len(row) for row in lists], np.int64))
    return TagSets(tokens, offsets, np.array(ids), np.array(groups), vocabulary).with_counts()


def read_tsv(path: str | Path) -> TagSets:
    """Tag sets from a table with the columns `package`, `source`, `tags` (facet::tag, spaces between).

    The facet is the category and the source the group of the split. See tools/debtags.py, which makes such a table.

    Raises:
        UserError: the header or a row does not have the three columns.
    """
    lines = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    if lines[0].split("\t") != ["package", "source", "tags"]:
        raise UserError(f"{path}: row 1 is not 'package<tab>source<tab>tags': make the file with tools/debtags.py")
    rows = [line.split("\t") for line in lines[1:]]
    for number, row in enumerate(rows, start=2):
        if len(row) != 3:
            raise UserError(f"{path}: row {number} has {len(row)} columns, not 3: make the file with tools/debtags.py")
    packages, sources, tags = zip(*rows, strict=True) if rows else ((), (), ())
    return tag_sets([text.split() for text in tags], packages, sources)
