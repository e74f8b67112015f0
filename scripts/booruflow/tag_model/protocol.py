"""Which posts are for training, validation and test, and which of their tags are masked.

Splits and evaluation queries depend on hashes only, so that every run evaluates the same; masks for training are random.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.tag_model.sets import Integers, TagSets, concatenate

MINIMUM_TAGS = 3
"""Sets with fewer tags are left out: they are too small to mask a part of them."""


def stable_hash(text: str) -> int:
    """The first 8 bytes of the sha256, big-endian."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Splits:
    """Three disjoint parts with one vocabulary, whose counts are those of the training part."""

    train: TagSets
    validation: TagSets
    test: TagSets


def split_sets(parts: Iterable[TagSets], salt: str, train: int, validation: int) -> Splits:
    """Split by the hash of each set's group: `train` percent, `validation` percent, and the rest for the test.

    Sets with fewer than `MINIMUM_TAGS` tags are left out. The parts have one vocabulary; it keeps its ids.

    Raises:
        UserError: a split is empty.
    """
    splits: tuple[list[TagSets], ...] = ([], [], [])
    for part in parts:
        sets = part.take(part.sizes >= MINIMUM_TAGS)
        percents = np.fromiter((stable_hash(f"split:{salt}:{group}") % 100 for group in sets.groups), np.int64, len(sets))
        split_of = np.searchsorted([train, train + validation], percents, side="right")
        for number, chosen in enumerate(splits):
            chosen.append(sets.take(split_of == number))
    counts = [sum(map(len, chosen)) for chosen in splits]
    if not all(counts):
        raise UserError(
            f"{sum(counts)} sets with at least {MINIMUM_TAGS} tags are too few to split"
            f" ({counts[0]} to train, {counts[1]} to validate, {counts[2]} to test): add posts or change tag_model.split"
        )
    train_sets, validation_sets, test_sets = (concatenate(chosen) for chosen in splits)
    train_sets = train_sets.with_counts()
    vocabulary = train_sets.vocabulary
    return Splits(train_sets, validation_sets.with_vocabulary(vocabulary), test_sets.with_vocabulary(vocabulary))


@dataclass(frozen=True)
class CompletionQueries:
    """Given the visible tags of a set, which tags are masked? One row for each set and repeat."""

    visible: TagSets
    masked: TagSets
    set_index: Integers
    """[rows] The set of each row."""


def completion_queries(sets: TagSets, repeats: int = 3, share: float = 0.3, salt: str = "v1") -> CompletionQueries:
    """Mask `share` of each set's tags, at least one, chosen by hash; different tags in each repeat."""
    set_index = np.tile(np.arange(len(sets)), repeats)
    repeated = sets.take(set_index)
    repeat = np.repeat(np.arange(repeats), len(sets))
    names = sets.vocabulary.names
    texts = (
        f"mask:{salt}:{repeat[row]}:{repeated.ids[row]}:{names[token]}"
        for row, token in zip(repeated.rows, repeated.tokens, strict=True)
    )
    hashes = np.fromiter(map(stable_hash, texts), np.uint64, len(repeated.tokens))
    masked_sizes = np.maximum(1, np.floor(share * repeated.sizes + 0.5)).astype(np.int64)
    is_masked = rank_in_sets(repeated, hashes) < masked_sizes[repeated.rows]
    return CompletionQueries(repeated.filter_tags(~is_masked), repeated.filter_tags(is_masked), set_index)


def rank_in_sets(sets: TagSets, keys: NDArray[np.uint64] | NDArray[np.float64]) -> Integers:
    """[all tags] The rank of each tag's key within its set, from 0."""
    rows = sets.rows
    order = np.lexsort((keys, rows))
    ranks = np.empty(len(rows), np.int64)
    ranks[order] = np.arange(len(rows)) - sets.offsets[rows]
    return ranks


@dataclass(frozen=True)
class RetrievalQueries:
    """With one category masked in all sets, which sets of the gallery share a tag of it with a query?"""

    category: str
    queries: TagSets
    gallery: TagSets
    masked_queries: TagSets
    masked_gallery: TagSets


def retrieval_queries(queries: TagSets, gallery: TagSets, category: str) -> RetrievalQueries:
    """Mask a category in queries and gallery; sets without it or with fewer than two other tags are left out.

    Raises:
        UserError: the vocabulary has no such category.
    """
    vocabulary = gallery.vocabulary
    if category not in vocabulary.categories:
        known = ", ".join(vocabulary.categories)
        raise UserError(f"tag_model.evaluation.categories: no category {category!r} in the vocabulary: use some of {known}")
    in_category = vocabulary.category == vocabulary.categories.index(category)

    def mask(sets: TagSets) -> tuple[TagSets, TagSets]:
        is_masked = in_category[sets.tokens]
        visible, masked = sets.filter_tags(~is_masked), sets.filter_tags(is_masked)
        kept = (visible.sizes >= 2) & (masked.sizes > 0)
        return visible.take(kept), masked.take(kept)

    (visible_queries, masked_queries), (visible_gallery, masked_gallery) = mask(queries), mask(gallery)
    return RetrievalQueries(category, visible_queries, visible_gallery, masked_queries, masked_gallery)


def sample_sets(sets: TagSets, limit: int, salt: str = "sample") -> TagSets:
    """At most `limit` sets, chosen by the hash of their ids, in their order."""
    if len(sets) <= limit:
        return sets
    hashes = np.fromiter((stable_hash(f"{salt}:{name}") for name in sets.ids), np.uint64, len(sets))
    return sets.take(np.sort(np.argsort(hashes, kind="stable")[:limit]))


def mask_at_random(
    sets: TagSets, mask_ratio: tuple[float, float], category_mask_rate: float, generator: np.random.Generator
) -> tuple[TagSets, TagSets]:
    """The visible and the masked tags of each set; at least one of each for a set of two or more tags.

    The share of masked tags of a set is uniform between the two numbers of `mask_ratio`. With the probability
    `category_mask_rate` all tags of one category are masked instead.
    """
    count, rows = len(sets), sets.rows
    share = generator.uniform(*mask_ratio, count)
    masked_sizes = np.clip(np.floor(share * sets.sizes + 0.5), 1, sets.sizes - 1)
    order = rank_in_sets(sets, generator.random(len(rows)))
    is_masked = order < masked_sizes[rows]
    category = sets.vocabulary.category[sets.tokens]
    first_category = np.empty(count, np.int64)
    first_category[rows[order == 0]] = category[order == 0]
    in_category = category == first_category[rows]
    by_category = (generator.random(count) < category_mask_rate) & (np.bincount(rows, in_category, count) < sets.sizes)
    is_masked = np.where(by_category[rows], in_category, is_masked)
    return sets.filter_tags(~is_masked), sets.filter_tags(is_masked)
