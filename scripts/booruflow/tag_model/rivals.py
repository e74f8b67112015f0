"""Simple ways to guess hidden tags and to embed sets, which a trained model has to beat.

Each is fitted on training sets by a function that returns a scorer or an embedder (see evaluation).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from booruflow.tag_model.evaluation import Embedder, Floats, Scorer, unit
from booruflow.tag_model.sets import TagSets

SMALL = 2000
"""Up to this size the whole decomposition of a matrix is faster than that of its strongest directions."""


def frequency(train: TagSets) -> Scorer:
    """The same guess for every set: the most frequent tags."""
    counts = train.count().astype(np.float32)
    return lambda shown: np.tile(counts, (len(shown), 1))


def category_frequency(train: TagSets) -> Scorer:
    """How often a tag stands on sets that agree with the shown one on whether its category has another tag."""
    counts = train.count().astype(np.float64)
    membership = categories_of(train)
    sizes = train.matrix() @ membership
    with_company = np.bincount(train.tokens, (sizes[train.rows, train.vocabulary.category[train.tokens]] > 1), len(counts))
    in_category = train.vocabulary.category
    several, none = (sizes > 0).sum(axis=0), (sizes == 0).sum(axis=0)
    beside = with_company / np.maximum(several[in_category], 1)
    alone = (counts - with_company) / np.maximum(none + (sizes == 1).sum(axis=0), 1)[in_category]

    def score(shown: TagSets) -> Floats:
        has = (shown.matrix() @ membership > 0)[:, in_category]
        guesses: Floats = np.where(has, beside, alone)
        return guesses

    return score


def categories_of(sets: TagSets) -> NDArray[np.float32]:
    """[tags, categories] 1 where a tag belongs to a category."""
    one_hot: NDArray[np.float32] = np.eye(len(sets.vocabulary.categories), dtype=np.float32)
    return one_hot[sets.vocabulary.category]


def cooccurrence(train: TagSets) -> sparse.csr_array:
    """[tags, tags] On how many sets two tags stand together; the diagonal is each tag's own count."""
    size = len(train.vocabulary)
    total = sparse.csr_array((size, size), dtype=np.float64)
    for start in range(0, len(train), 2**18):
        matrix = train.take(slice(start, start + 2**18)).matrix().astype(np.float64)
        total = total + matrix.T @ matrix
    return total


def naive_bayes(train: TagSets, smoothing: float = 40, temper: float = 0.5) -> Scorer:
    """Sum log P(tag) and, over the shown tags, log P(shown | tag), tempered since tags are far from independent."""
    together = cooccurrence(train).toarray()
    counts = np.diag(together)
    base = np.maximum(counts, 1) / len(train)
    given = (together + smoothing * base[:, None]) / (counts + smoothing)
    weights = temper * np.log(given / base[:, None])
    return lambda shown: np.log(base) + shown.matrix() @ weights


def log_frequency(train: TagSets) -> NDArray[np.float64]:
    """[tags] The logarithm of the share of sets that a tag stands on; a tag on none counts as on one."""
    return np.log(np.maximum(train.count(), 1) / len(train))


def idf_cosine(train: TagSets) -> Embedder:
    """A set as its tags weighted by inverse frequency, as long as the vocabulary."""
    weights = -log_frequency(train)
    return lambda sets: sparse.csr_array(sets.matrix().multiply(weights))


def nearest_sets(train: TagSets, neighbours: int = 200, power: float = 4.0) -> Scorer:
    """The tags of the training sets nearest by idf cosine, weighted by a power of it."""
    embed = idf_cosine(train)
    tags, gallery = train.matrix(), unit(embed(train)).T

    def score(shown: TagSets) -> Floats:
        near = (unit(embed(shown)) @ gallery).toarray()
        kept = np.argpartition(-near, min(neighbours, near.shape[1] - 1), axis=1)[:, :neighbours]
        weights = np.zeros_like(near)
        np.put_along_axis(weights, kept, np.take_along_axis(near, kept, axis=1) ** power, axis=1)
        scores: Floats = weights @ tags
        return scores

    return score


def ease(train: TagSets, ridge: float = 30) -> NDArray[np.float64]:
    """[tags, tags] The weights of EASE (Steck, arXiv 1905.03375)."""
    return linear_autoencoder(train, ridge, dropout=0)


def edlae(train: TagSets, ridge: float = 10, dropout: float = 0.33) -> NDArray[np.float64]:
    """[tags, tags] The weights of EDLAE (Steck, NeurIPS 2020): EASE as if a share of the shown tags were missing."""
    return linear_autoencoder(train, ridge, dropout)


def linear_autoencoder(train: TagSets, ridge: float, dropout: float) -> NDArray[np.float64]:
    """[tags, tags] Weights, zero on the diagonal, that predict each tag of a set from the others, in closed form.

    Dropout adds to each tag's ridge in proportion to its count. The memory is three times the square of the
    vocabulary in 64 bits.
    """
    gram = cooccurrence(train).toarray()
    np.fill_diagonal(gram, np.diag(gram) * (1 + dropout / (1 - dropout)) + ridge)
    inverse = np.linalg.inv(gram)
    weights: NDArray[np.float64] = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def linear(weights: NDArray[np.float64]) -> Scorer:
    """Scores that are a linear map of the shown tags."""
    return lambda shown: shown.matrix() @ weights


def low_rank(weights: NDArray[np.float64], dimensions: int) -> Embedder:
    """Vectors from the strongest directions of a linear map."""
    vectors = strongest(weights, dimensions)
    return lambda sets: sets.matrix() @ vectors


def strongest(matrix: NDArray[np.float64] | sparse.csr_array, dimensions: int) -> NDArray[np.float64]:
    """[rows, dimensions] The first left singular vectors of a square matrix, each times the root of its value.

    The strongest come first, each with the sign that makes its largest entry positive, so that there is one result.
    Dimensions that a small matrix does not have are zero.
    """
    size = matrix.shape[0]
    if size <= SMALL:
        left, values, _ = np.linalg.svd(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())
    else:
        left, values, _ = svds(matrix, k=min(dimensions, size - 1), v0=np.ones(size), tol=1e-4)
    order = np.argsort(-values, kind="stable")[:dimensions]
    vectors = left[:, order] * np.sqrt(values[order])
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return np.pad(vectors * signs, ((0, 0), (0, dimensions - vectors.shape[1])))


def ppmi_svd(train: TagSets, dimensions: int) -> NDArray[np.float64]:
    """[tags, dimensions] Tag vectors: the positive pointwise mutual information of pairs, factorised.

    After Levy and Goldberg 2014. Tags that stand with no other have zeros.
    """
    pairs = cooccurrence(train).tocoo()
    apart = pairs.row != pairs.col
    row, column, together = pairs.row[apart], pairs.col[apart], pairs.data[apart]
    size = len(train.vocabulary)
    totals = np.bincount(row, together, size)
    information = np.log(together * totals.sum() / totals[row] / totals[column])
    positive = sparse.csr_array((np.maximum(information, 0), (row, column)), shape=(size, size))
    return strongest(positive, dimensions)


def mean_of(vectors: NDArray[np.float64]) -> Embedder:
    """A set as the sum of its tags' vectors, each of length 1."""
    directions = unit(vectors)
    return lambda sets: sets.matrix() @ directions


def nearest_tags(vectors: NDArray[np.float64], train: TagSets, prior: float = 0.1) -> Scorer:
    """Tags by the cosine of their vector and the set's, plus `prior` times their log frequency."""
    embed, tags = mean_of(vectors), unit(vectors)
    bias = prior * log_frequency(train)
    return lambda shown: unit(embed(shown)) @ tags.T + bias


def fused(first: Scorer, second: Scorer, weight: float) -> Scorer:
    """Late fusion: the first's scores plus `weight` times the second's, each standardised over the tags of a set."""

    def standard(scores: Floats) -> Floats:
        standardised: Floats = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
        return standardised

    return lambda shown: standard(first(shown)) + weight * standard(second(shown))
