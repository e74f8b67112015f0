"""Which posts are for training, validation and test, and which of their tags are masked.

Splits and evaluation queries depend on hashes only, so that every run evaluates the same; masks for training are random.
Ratings and score buckets are visible in every query and never masked in one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from booruflow.core.errors import UserError
from booruflow.tag_model.sets import HEAD_CATEGORIES, Integers, TagSets, concatenate
from booruflow.tokens.vocabulary import SPECIAL

MINIMUM_TAGS = 3
"""Sets with fewer tags, rating and score bucket apart, are left out: they are too small to mask a part of them."""

NEAR_DUPLICATE = 0.8
"""The overlap (Jaccard index) from which on two sets are near-duplicates."""
HASH_BANDS, HASHES_PER_BAND = 10, 4
PAIRS_PER_CHUNK = 2**16


def stable_hash(text: str) -> int:
    """The first 8 bytes of the sha256, big-endian."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Splits:
    """Three disjoint parts with one vocabulary, whose counts are those of the training part."""

    train: TagSets
    validation: TagSets
    test: TagSets


def split_posts(parts: Iterable[TagSets], salt: str, train: int, validation: int) -> Splits:
    """Like `split_sets`, with near-duplicates in the same split: variants of one image, whose tags are almost the same.

    Raises:
        UserError: a split is empty.
    """
    posts = list(parts)
    return split_sets([group_near_duplicates(concatenate(posts))] if posts else [], salt, train, validation)


def group_near_duplicates(sets: TagSets) -> TagSets:
    """The same sets, grouped: sets whose tags overlap by `NEAR_DUPLICATE` or more, and sets that such pairs link.

    Pairs are found by MinHash (Broder 1997): two sets with the overlap j have one band of hashes in common with the probability
    1 - (1 - j ** HASHES_PER_BAND) ** HASH_BANDS, .99 at .8. Neighbours among the sets of equal hashes are then compared. A
    group is named by the id of its first set.
    """
    group = np.arange(len(sets))
    for band in range(HASH_BANDS):
        order, is_equal = _sorted_by_hashes(sets, band)
        left, right = order[:-1][is_equal], order[1:][is_equal]
        is_open = group[left] != group[right]
        left, right = left[is_open], right[is_open]
        is_near = _overlap(sets, left, right) >= NEAR_DUPLICATE
        pairs = group[left[is_near]], group[right[is_near]]
        links = sparse.coo_array((np.ones(len(pairs[0]), bool), pairs), shape=(len(sets), len(sets)))
        group = csgraph.connected_components(links, directed=False)[1][group]
    _, first, index = np.unique(group, return_index=True, return_inverse=True)
    return replace(sets, groups=sets.ids[first[index]])


def _sorted_by_hashes(sets: TagSets, band: int) -> tuple[Integers, NDArray[np.bool_]]:
    """[sets] The sets in the order of their hashes of a band, and [sets - 1] whether the hashes of neighbours are equal."""
    vocabulary, keys = sets.vocabulary, np.zeros(len(sets), np.uint64)
    filled, starts = sets.sizes > 0, sets.offsets[:-1]
    for number in range(band * HASHES_PER_BAND, (band + 1) * HASHES_PER_BAND):
        hashes = np.fromiter((stable_hash(f"near:{number}:{name}") for name in vocabulary.names), np.uint64, len(vocabulary))
        hashes[~vocabulary.is_content] = np.iinfo(np.uint64).max
        lowest = np.zeros(len(sets), np.uint64)
        lowest[filled] = np.minimum.reduceat(hashes[sets.tokens], starts[filled])
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + lowest
    order = np.argsort(keys, kind="stable")
    return order, keys[order[1:]] == keys[order[:-1]]


def _overlap(sets: TagSets, left: Integers, right: Integers) -> NDArray[np.float64]:
    """[pairs] The Jaccard index of two sets each, without rating and score: shared tags as a share of all tags of the two."""
    parts = [np.empty(0)]
    for start in range(0, len(left), PAIRS_PER_CHUNK):
        one, other = (sets.take(side[start : start + PAIRS_PER_CHUNK]) for side in (left, right))
        one, other = (each.filter_tags(sets.vocabulary.is_content[each.tokens]) for each in (one, other))
        shared = one.matrix().multiply(other.matrix()).sum(axis=1)
        parts.append(shared / np.maximum(one.sizes + other.sizes - shared, 1))
    return np.concatenate(parts)


def split_sets(parts: Iterable[TagSets], salt: str, train: int, validation: int) -> Splits:
    """Split by the hash of each set's group: `train` percent, `validation` percent, and the rest for the test.

    Sets with fewer than `MINIMUM_TAGS` tags are left out. The parts have one vocabulary; it keeps its ids.

    Raises:
        UserError: a split is empty.
    """
    splits: tuple[list[TagSets], ...] = ([], [], [])
    for part in parts:
        sets = part.take(part.content_sizes >= MINIMUM_TAGS)
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
    """Mask `share` of each set's tags without rating and score, at least one, chosen by hash; different tags in each repeat."""
    set_index = np.tile(np.arange(len(sets)), repeats)
    repeated = sets.take(set_index)
    rows = repeated.rows
    repeat = np.repeat(np.arange(repeats), len(sets))
    names = sets.vocabulary.names
    content = np.flatnonzero(sets.vocabulary.is_content[repeated.tokens])
    texts = (
        f"mask:{salt}:{repeat[row]}:{repeated.ids[row]}:{names[token]}"
        for row, token in zip(rows[content], repeated.tokens[content], strict=True)
    )
    hashes = np.full(len(repeated.tokens), np.iinfo(np.uint64).max)
    hashes[content] = np.fromiter(map(stable_hash, texts), np.uint64, len(content))
    masked_sizes = np.maximum(1, np.floor(share * repeated.content_sizes + 0.5)).astype(np.int64)
    is_masked = np.zeros(len(rows), bool)
    is_masked[content] = (rank_in_sets(repeated, hashes) < masked_sizes[rows])[content]
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
    """Mask a category in queries and gallery; sets without it or with fewer than two other tags are left out."""
    vocabulary = gallery.vocabulary
    in_category = vocabulary.category == vocabulary.categories.index(category)

    def mask(sets: TagSets) -> tuple[TagSets, TagSets]:
        is_masked = in_category[sets.tokens]
        visible, masked = sets.filter_tags(~is_masked), sets.filter_tags(is_masked)
        kept = (visible.content_sizes >= 2) & (masked.sizes > 0)
        return visible.take(kept), masked.take(kept)

    (visible_queries, masked_queries), (visible_gallery, masked_gallery) = mask(queries), mask(gallery)
    return RetrievalQueries(category, visible_queries, visible_gallery, masked_queries, masked_gallery)


def check_categories(splits: Splits, categories: Sequence[str]) -> None:
    """Check before training that each of these categories can be masked for retrieval.

    Raises:
        UserError: names those that cannot, each with the reason, and those that can.
    """
    problems = [f"{category} {problem}" for category in categories if (problem := _retrieval_problem(splits, category))]
    if problems:
        names = splits.train.vocabulary.categories
        usable = [name for name in names if name not in HEAD_CATEGORIES and not _retrieval_problem(splits, name)]
        choice = f"use some of {', '.join(usable)}" if usable else "use [], for none can be masked"
        raise UserError(f"tag_model.evaluation.categories: {'; '.join(problems)}: {choice}")


def _retrieval_problem(splits: Splits, category: str) -> str | None:
    """Why a category cannot be masked for retrieval from the training sets; None if it can."""
    vocabulary = splits.train.vocabulary
    if category not in vocabulary.categories or category in (SPECIAL, *HEAD_CATEGORIES):
        return "has no tags"
    retrieval = retrieval_queries(splits.test, splits.train, category)
    counts = retrieval.masked_gallery.count()
    if not counts[retrieval.masked_queries.tokens].any():
        return "is on too few posts"
    if counts.max() == len(retrieval.gallery):
        return f"is constant (all posts that have it have {vocabulary.names[counts.argmax()]})"
    return None


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
    `category_mask_rate` all tags of one category are masked instead. Rating and score bucket stay visible and do not count,
    as in `completion_queries`.
    """
    is_content = sets.vocabulary.is_content[sets.tokens]
    content = sets.filter_tags(is_content)
    count, rows = len(content), content.rows
    share = generator.uniform(*mask_ratio, count)
    masked_sizes = np.clip(np.floor(share * content.sizes + 0.5), 1, content.sizes - 1)
    order = rank_in_sets(content, generator.random(len(rows)))
    category = content.vocabulary.category[content.tokens]
    first_category = np.empty(count, np.int64)
    first_category[rows[order == 0]] = category[order == 0]
    in_category = category == first_category[rows]
    by_category = (generator.random(count) < category_mask_rate) & (np.bincount(rows, in_category, count) < content.sizes)
    is_masked = np.zeros(len(sets.tokens), bool)
    is_masked[is_content] = np.where(by_category[rows], in_category, order < masked_sizes[rows])
    return sets.filter_tags(~is_masked), sets.filter_tags(is_masked)
