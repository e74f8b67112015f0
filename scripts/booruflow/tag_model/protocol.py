"""Which sets are for training and which tags are hidden: fixed by hashes alone, so that every run asks the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.tag_model.sets import Integers, TagSets, Vocabulary, joined

MINIMUM_TAGS = 3
"""Sets with fewer tags leave nothing to hide and still something to see."""


def stable_hash(text: str) -> int:
    """The first 8 bytes of sha256, big-endian."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Splits:
    """Three disjoint parts under one vocabulary, whose counts are those of the training part."""

    train: TagSets
    validation: TagSets
    test: TagSets


def distinct(sets: TagSets) -> TagSets:
    """Sets in the order of their ids; of each exact set with enough tags the first, the others left out."""
    ordered = sets.take(np.argsort(sets.ids, kind="stable"))
    ordered = ordered.take(ordered.sizes >= MINIMUM_TAGS)
    first: dict[bytes, int] = {}
    for row in range(len(ordered)):
        tokens = np.sort(ordered.tokens[ordered.offsets[row] : ordered.offsets[row + 1]])
        first.setdefault(tokens.tobytes(), row)
    return ordered.take(np.fromiter(first.values(), np.int64))


def split(sets: TagSets, salt: str = "v1", train: int = 80, validation: int = 10) -> Splits:
    """Split by the hash of each set's group: `train` in a hundred, then `validation`, the rest for the test.

    Sets with fewer than three tags are left out. The vocabulary keeps its ids; its counts become the training part's.

    Raises:
        UserError: a part is empty.
    """
    return split_parts([sets], salt, train, validation)


def split_parts(parts: Iterable[TagSets], salt: str, train: int, validation: int) -> Splits:
    """The same as `split` for sets that come part by part, under one vocabulary."""
    sides: tuple[list[TagSets], ...] = ([], [], [])
    for part in parts:
        sets = part.take(part.sizes >= MINIMUM_TAGS)
        places = np.fromiter((stable_hash(f"split:{salt}:{group}") % 100 for group in sets.groups), np.int64, len(sets))
        side = np.searchsorted([train, train + validation], places, side="right")
        for number, chosen in enumerate(sides):
            chosen.append(sets.take(side == number))
    counts = [sum(map(len, chosen)) for chosen in sides]
    if not all(counts):
        raise UserError(
            f"{sum(counts)} sets with at least {MINIMUM_TAGS} tags are too few to split"
            f" ({counts[0]} to train, {counts[1]} to validate, {counts[2]} to test): add posts or change the shares"
        )
    learned, checked, tested = (joined(chosen) for chosen in sides)
    learned = learned.with_counts()
    return Splits(learned, checked.under(learned.vocabulary), tested.under(learned.vocabulary))


def prune(splits: Splits, minimum_count: int = 3) -> Splits:
    """Keep the tags that stand on at least `minimum_count` training sets, and the sets that keep three tags."""
    old = splits.train.vocabulary
    kept = np.flatnonzero(old.counts >= minimum_count)
    vocabulary = Vocabulary(tuple(old.names[i] for i in kept), old.category[kept], old.categories, old.counts[kept])
    train, validation, test = (
        part.take(part.sizes >= MINIMUM_TAGS)
        for part in (sets.recoded(vocabulary) for sets in (splits.train, splits.validation, splits.test))
    )
    train = train.with_counts()
    return Splits(train, validation.under(train.vocabulary), test.under(train.vocabulary))


@dataclass(frozen=True)
class Completion:
    """Questions of one kind: given the shown tags of a set, which tags are hidden? One row a set and repeat."""

    shown: TagSets
    hidden: TagSets
    item: Integers
    """[rows] The set behind each row."""


def completion(sets: TagSets, repeats: int = 3, share: float = 0.3, salt: str = "v1") -> Completion:
    """Hide `share` of each set's tags, at least one: the first by hash; another choice in each repeat."""
    item = np.tile(np.arange(len(sets)), repeats)
    asked = sets.take(item)
    repeat = np.repeat(np.arange(repeats), len(sets))
    names = sets.vocabulary.names
    hashes = np.fromiter(
        (
            stable_hash(f"mask:{salt}:{repeat[row]}:{asked.ids[row]}:{names[token]}")
            for row, token in zip(asked.rows, asked.tokens, strict=True)
        ),
        np.uint64,
        len(asked.tokens),
    )
    hide = np.maximum(1, np.floor(share * asked.sizes + 0.5)).astype(np.int64)
    hidden = order_in_rows(asked, hashes) < hide[asked.rows]
    return Completion(asked.only(~hidden), asked.only(hidden), item)


def order_in_rows(sets: TagSets, keys: NDArray[np.uint64] | NDArray[np.float64]) -> Integers:
    """[all tags] The rank of each tag's key among those of its set, from 0."""
    rows = sets.rows
    order = np.lexsort((keys, rows))
    ranks = np.empty(len(rows), np.int64)
    ranks[order] = np.arange(len(rows)) - sets.offsets[rows]
    return ranks


@dataclass(frozen=True)
class Retrieval:
    """Questions of the other kind: with one category hidden everywhere, which sets share a tag of it?"""

    category: str
    queries: TagSets
    gallery: TagSets
    hidden_queries: TagSets
    hidden_gallery: TagSets


def retrieval(queries: TagSets, gallery: TagSets, category: str) -> Retrieval:
    """Hide a category in queries and gallery; sets without it or with fewer than two other tags are left out.

    Raises:
        UserError: the vocabulary has no such category.
    """
    vocabulary = gallery.vocabulary
    if category not in vocabulary.categories:
        raise UserError(f"evaluation: no category {category!r}; there are {', '.join(vocabulary.categories)}")
    is_hidden = vocabulary.category == vocabulary.categories.index(category)

    def hide(sets: TagSets) -> tuple[TagSets, TagSets]:
        hidden = is_hidden[sets.tokens]
        shown, covered = sets.only(~hidden), sets.only(hidden)
        kept = (shown.sizes >= 2) & (covered.sizes > 0)
        return shown.take(kept), covered.take(kept)

    (shown_queries, hidden_queries), (shown_gallery, hidden_gallery) = hide(queries), hide(gallery)
    return Retrieval(category, shown_queries, shown_gallery, hidden_queries, hidden_gallery)


def sample(sets: TagSets, at_most: int, salt: str = "sample") -> TagSets:
    """At most so many sets, chosen by the hash of their ids, in their old order."""
    if len(sets) <= at_most:
        return sets
    hashes = np.fromiter((stable_hash(f"{salt}:{name}") for name in sets.ids), np.uint64, len(sets))
    return sets.take(np.sort(np.argsort(hashes, kind="stable")[:at_most]))
