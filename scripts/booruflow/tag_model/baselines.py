"""Baselines for predicting masked tags and for embedding sets.

Each is fitted on training sets by a function that returns a scorer or an embedder (see evaluation).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from booruflow.tag_model.evaluation import Embedder, Floats, Scorer, unit
from booruflow.tag_model.sets import Integers, TagSets

FULL_SVD_SIZE = 2000
"""Up to this size a full decomposition is faster than a truncated one."""


def frequency(train: TagSets) -> Scorer:
    """The same scores for every set: the counts of the tags."""
    counts = train.count().astype(np.float32)
    return lambda visible: np.tile(counts, (len(visible), 1))


def category_frequency(train: TagSets) -> Scorer:
    """The frequency of a tag among the sets that, as the visible one, have (or lack) another tag of its category."""
    counts = train.count().astype(np.float64)
    membership = category_matrix(train)
    sizes = train.matrix() @ membership
    category = train.vocabulary.category
    counts_beside = np.bincount(train.tokens, (sizes[train.rows, category[train.tokens]] > 1), len(counts))
    present, absent = (sizes > 0).sum(axis=0), (sizes == 0).sum(axis=0)
    beside_others = counts_beside / np.maximum(present[category], 1)
    alone = (counts - counts_beside) / np.maximum(absent + (sizes == 1).sum(axis=0), 1)[category]

    def score(visible: TagSets) -> Floats:
        has_category = (visible.matrix() @ membership > 0)[:, category]
        scores: Floats = np.where(has_category, beside_others, alone)
        return scores

    return score


def category_matrix(sets: TagSets) -> NDArray[np.float32]:
    """[tags, categories] 1 where a tag is in a category."""
    one_hot: NDArray[np.float32] = np.eye(len(sets.vocabulary.categories), dtype=np.float32)
    return one_hot[sets.vocabulary.category]


def cooccurrence(train: TagSets) -> sparse.csr_array:
    """[tags, tags] The number of sets that have both tags; the diagonal is the count of each tag."""
    size = len(train.vocabulary)
    total = sparse.csr_array((size, size), dtype=np.float64)
    for start in range(0, len(train), 2**18):
        matrix = train.take(slice(start, start + 2**18)).matrix().astype(np.float64)
        total = total + matrix.T @ matrix
    return total


def naive_bayes(train: TagSets, smoothing: float = 40, exponent: float = 0.5) -> Scorer:
    """Log P(tag) plus the sum of log P(visible | tag) over the visible tags.

    The likelihoods are raised to `exponent`, because tags are far from independent.
    """
    pairs = cooccurrence(train).toarray()
    counts = np.diag(pairs)
    prior = np.maximum(counts, 1) / len(train)
    conditional = (pairs + smoothing * prior[:, None]) / (counts + smoothing)
    weights = exponent * np.log(conditional / prior[:, None])
    return lambda visible: np.log(prior) + visible.matrix() @ weights


def log_frequency(train: TagSets) -> NDArray[np.float64]:
    """[tags] The logarithm of the share of sets that have a tag; a tag that no set has counts as one occurrence."""
    return np.log(np.maximum(train.count(), 1) / len(train))


def idf_cosine(train: TagSets) -> Embedder:
    """[sets, tags] A set as its tags, weighted by their inverse document frequency."""
    weights = -log_frequency(train)
    return lambda sets: sparse.csr_array(sets.matrix().multiply(weights))


def nearest_sets(train: TagSets, neighbours: int = 200, power: float = 4.0) -> Scorer:
    """The tags of the nearest training sets by idf cosine, weighted by a power of the cosine."""
    embed = idf_cosine(train)
    tags, gallery = train.matrix(), unit(embed(train)).T

    def score(visible: TagSets) -> Floats:
        cosines = (unit(embed(visible)) @ gallery).toarray()
        nearest = np.argpartition(-cosines, min(neighbours, cosines.shape[1] - 1), axis=1)[:, :neighbours]
        weights = np.zeros_like(cosines)
        np.put_along_axis(weights, nearest, np.take_along_axis(cosines, nearest, axis=1) ** power, axis=1)
        scores: Floats = weights @ tags
        return scores

    return score


def ease(train: TagSets, ridge: float = 30) -> NDArray[np.float64]:
    """[tags, tags] The weights of EASE (Steck, arXiv 1905.03375)."""
    return linear_autoencoder(train, ridge, dropout=0)


def edlae(train: TagSets, ridge: float = 10, dropout: float = 0.33) -> NDArray[np.float64]:
    """[tags, tags] The weights of EDLAE (Steck, NeurIPS 2020): EASE with dropout of the visible tags."""
    return linear_autoencoder(train, ridge, dropout)


def linear_autoencoder(train: TagSets, ridge: float, dropout: float) -> NDArray[np.float64]:
    """[tags, tags] Weights, zero on the diagonal, that predict each tag of a set from the others, in closed form.

    Dropout increases the ridge of each tag in proportion to its count. Needs memory for three float64 matrices of
    [tags, tags].
    """
    gram = cooccurrence(train).toarray()
    np.fill_diagonal(gram, np.diag(gram) * (1 + dropout / (1 - dropout)) + ridge)
    inverse = np.linalg.inv(gram)
    weights: NDArray[np.float64] = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def local_ease(train: TagSets, neighbours: int, ridge: float = 30) -> tuple[Integers, NDArray[np.float64]]:
    """A sparse EASE for large vocabularies: each tag is predicted from the tags with the highest cosine to it alone.

    Returns:
        The neighbours of each tag and their weights, [tags, neighbours]; a missing neighbour is tag 0 with the weight 0.
    """
    pairs = cooccurrence(train).tocsr()
    pairs.sort_indices()
    counts = pairs.diagonal()
    sources, weights = np.zeros((len(counts), neighbours), np.int64), np.zeros((len(counts), neighbours))
    for tag in range(len(counts) if neighbours else 0):
        others, together = (part[pairs.indptr[tag] : pairs.indptr[tag + 1]] for part in (pairs.indices, pairs.data))
        others, together = others[others != tag], together[others != tag]
        nearest = np.argsort(-together / np.sqrt(counts[others]), kind="stable")[:neighbours]
        others, together = others[nearest], together[nearest]
        gram = pairs[others][:, others].toarray() + ridge * np.eye(len(others))
        sources[tag, : len(others)], weights[tag, : len(others)] = others, np.linalg.solve(gram, together)
    return sources, weights


def linear(weights: NDArray[np.float64]) -> Scorer:
    """Scores that are a linear map of the visible tags."""
    return lambda visible: visible.matrix() @ weights


def low_rank(weights: NDArray[np.float64], dimensions: int) -> Embedder:
    """Vectors from the first singular vectors of a linear map."""
    vectors = scaled_singular_vectors(weights, dimensions)
    return lambda sets: sets.matrix() @ vectors


def scaled_singular_vectors(matrix: NDArray[np.float64] | sparse.csr_array, dimensions: int) -> NDArray[np.float64]:
    """[rows, dimensions] The first left singular vectors of a square matrix, times the square roots of their values.

    Sorted by falling singular value. The sign makes the largest entry positive, so that the result is unique. For a
    matrix of fewer dimensions the others are zero.
    """
    size = matrix.shape[0]
    if size <= FULL_SVD_SIZE:
        left, values, _ = np.linalg.svd(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())
    else:
        left, values, _ = svds(matrix, k=min(dimensions, size - 1), v0=np.ones(size), tol=1e-4)
    order = np.argsort(-values, kind="stable")[:dimensions]
    vectors = left[:, order] * np.sqrt(values[order])
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return np.pad(vectors * signs, ((0, 0), (0, dimensions - vectors.shape[1])))


def ppmi_svd(train: TagSets, dimensions: int) -> NDArray[np.float64]:
    """[tags, dimensions] Tag vectors: the factorised positive pointwise mutual information of tag pairs.

    After Levy and Goldberg 2014. Tags that never occur with another have zeros.
    """
    pairs = cooccurrence(train).tocoo()
    off_diagonal = pairs.row != pairs.col
    row, column, counts = pairs.row[off_diagonal], pairs.col[off_diagonal], pairs.data[off_diagonal]
    size = len(train.vocabulary)
    totals = np.bincount(row, counts, size)
    information = np.log(counts * totals.sum() / totals[row] / totals[column])
    positive = sparse.csr_array((np.maximum(information, 0), (row, column)), shape=(size, size))
    return scaled_singular_vectors(positive, dimensions)


def sum_of_tags(vectors: NDArray[np.float64]) -> Embedder:
    """A set as the sum of the unit vectors of its tags."""
    directions = unit(vectors)
    return lambda sets: sets.matrix() @ directions


def nearest_tags(vectors: NDArray[np.float64], train: TagSets, prior: float = 0.1) -> Scorer:
    """The cosine of the tag's vector and the set's, plus `prior` times the log frequency of the tag."""
    embed, tags = sum_of_tags(vectors), unit(vectors)
    bias = prior * log_frequency(train)
    return lambda visible: unit(embed(visible)) @ tags.T + bias


def fused(first: Scorer, second: Scorer, weight: float) -> Scorer:
    """Late fusion: the scores of the first plus `weight` times those of the second, standardised over the tags of a set."""

    def standardise(scores: Floats) -> Floats:
        standardised: Floats = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
        return standardised

    return lambda visible: standardise(first(visible)) + weight * standardise(second(visible))
