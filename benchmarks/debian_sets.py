"""Real tag sets for the benchmark of the tag-set model: the tags of Debian packages, read, deduplicated and pruned."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from booruflow.core.errors import UserError
from booruflow.tag_model.protocol import MINIMUM_TAGS, Splits
from booruflow.tag_model.sets import TagSets, TagVocabulary, offsets_of


def tag_sets(tags: Iterable[Sequence[str]], ids: Sequence[object], groups: Sequence[object], separator: str = "::") -> TagSets:
    """Tag sets from lists of names such as `category::tag`; the vocabulary has all names, sorted.

    A tag that occurs twice in a list counts once. A name without the separator is its own category.
    """
    lists = [list(dict.fromkeys(names)) for names in tags]
    names = tuple(sorted({name for row in lists for name in row}))
    category_names = [name.split(separator, 1)[0] for name in names]
    categories = tuple(sorted(set(category_names)))
    number = {category: index for index, category in enumerate(categories)}
    category = np.array([number[name] for name in category_names], np.int64)
    vocabulary = TagVocabulary(names, category, categories, np.zeros(len(names), np.int64))
    tokens = np.array([vocabulary.ids[name] for row in lists for name in row], np.int64)
    offsets = offsets_of(np.array([len(row) for row in lists], np.int64))
    return TagSets(tokens, offsets, np.array(ids), np.array(groups), vocabulary).with_counts()


def read_tsv(path: str | Path) -> TagSets:
    """Tag sets from a table of debtags.py, with the columns `package`, `source`, `tags` (facet::tag, space-separated).

    The facet is the category, and the source package is the group of the split.

    Raises:
        UserError: the header or a row does not have the three columns.
    """
    lines = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    if lines[0].split("\t") != ["package", "source", "tags"]:
        raise UserError(f"{path}: row 1 is not 'package<tab>source<tab>tags': make the file with benchmarks/debtags.py")
    rows = [line.split("\t") for line in lines[1:]]
    for number, row in enumerate(rows, start=2):
        if len(row) != 3:
            raise UserError(f"{path}: row {number} has {len(row)} columns, not 3: make the file with benchmarks/debtags.py")
    packages, sources, tags = zip(*rows, strict=True) if rows else ((), (), ())
    return tag_sets([text.split() for text in tags], packages, sources)


def deduplicate(sets: TagSets) -> TagSets:
    """The sets of at least three tags in the order of their ids; of equal sets only the first."""
    ordered = sets.take(np.argsort(sets.ids, kind="stable"))
    ordered = ordered.take(ordered.content_sizes >= MINIMUM_TAGS)
    first: dict[bytes, int] = {}
    for row in range(len(ordered)):
        tokens = np.sort(ordered.tokens[ordered.offsets[row] : ordered.offsets[row + 1]])
        first.setdefault(tokens.tobytes(), row)
    return ordered.take(np.fromiter(first.values(), np.int64))


def recode(sets: TagSets, vocabulary: TagVocabulary) -> TagSets:
    """The same sets with another vocabulary, matched by name; tags that it lacks are dropped."""
    ids = np.array([vocabulary.ids.get(name, -1) for name in sets.vocabulary.names], np.int64)
    tokens = ids[sets.tokens]
    known = sets.filter_tags(tokens >= 0)
    return replace(known, tokens=tokens[tokens >= 0], vocabulary=vocabulary)


def prune(splits: Splits, minimum_count: int = 3) -> Splits:
    """Keep the tags of at least `minimum_count` training sets, and the sets that still have three tags."""
    old = splits.train.vocabulary
    kept = np.flatnonzero(old.counts >= minimum_count)
    vocabulary = TagVocabulary(tuple(old.names[i] for i in kept), old.category[kept], old.categories, old.counts[kept])
    train, validation, test = (
        part.take(part.content_sizes >= MINIMUM_TAGS)
        for part in (recode(sets, vocabulary) for sets in (splits.train, splits.validation, splits.test))
    )
    train = train.with_counts()
    return Splits(train, validation.with_vocabulary(train.vocabulary), test.with_vocabulary(train.vocabulary))
