"""Metrics: the ranks of masked tags among the full vocabulary, and retrieval of similar sets by their vectors."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from booruflow.tag_model.protocol import CompletionQueries, RetrievalQueries
from booruflow.tag_model.sets import Integers, TagSets, TagVocabulary

Floats = NDArray[Any]
Scorer = Callable[[TagSets], Floats]
"""From sets of visible tags to the score of every tag, [sets, tags]; higher is more likely."""
Vectors = Any
"""[rows, dimensions] One vector per row: a NumPy array or, if most entries are zero, a SciPy sparse array."""
Embedder = Callable[[TagSets], Vectors]
"""From sets to one vector per set."""

BANDS = {"head": 0.05, "mid": 0.005, "tail": 0.0}
"""Frequency bands: the lowest share of training sets that have a tag of the band."""
SCORES_PER_CHUNK = 2**25
"""Scores that are kept in memory at a time."""


def chunks(sets: TagSets, columns: int) -> list[slice]:
    """Slices of the sets, so small that `columns` scores for each set fit in memory."""
    step = max(1, SCORES_PER_CHUNK // columns)
    return [slice(start, start + step) for start in range(0, len(sets), step)]


def masked_ranks(scorer: Scorer, queries: CompletionQueries) -> NDArray[np.float64]:
    """[masked tags] The rank of each masked tag, from 1, among all tags except the visible and the other masked ones.

    Ratings and score buckets are not ranked. Tags with an equal score count half, so that a constant score gains nothing.
    """
    parts = []
    no_content = ~queries.visible.vocabulary.is_content
    for chunk in chunks(queries.visible, len(queries.visible.vocabulary)):
        visible, masked = queries.visible.take(chunk), queries.masked.take(chunk)
        scores = np.array(scorer(visible), np.float32)
        masked_scores = scores[masked.rows, masked.tokens]
        scores[visible.rows, visible.tokens] = -np.inf
        scores[masked.rows, masked.tokens] = -np.inf
        scores[:, no_content] = -np.inf
        scores.sort(axis=1)
        below, through = np.empty(len(masked_scores), np.int64), np.empty(len(masked_scores), np.int64)
        for row in range(len(visible)):
            own = slice(masked.offsets[row], masked.offsets[row + 1])
            below[own] = np.searchsorted(scores[row], masked_scores[own], side="left")
            through[own] = np.searchsorted(scores[row], masked_scores[own], side="right")
        parts.append(1 + (scores.shape[1] - through) + (through - below) / 2)
    return np.concatenate(parts)


def ranking_metrics(ranks: NDArray[np.float64]) -> dict[str, float]:
    """Recall at 1, 5 and 10 and mean reciprocal rank over masked tags; NaN without any."""
    if not len(ranks):
        return dict.fromkeys(("R@1", "R@5", "R@10", "MRR"), float("nan"))
    recall = {f"R@{k}": float((ranks <= k).mean()) for k in (1, 5, 10)}
    return {**recall, "MRR": float((1 / ranks).mean())}


def frequency_bands(vocabulary: TagVocabulary, training_sets: int) -> list[str]:
    """[tags] head, mid or tail, by the share of training sets that have a tag."""
    shares = vocabulary.counts / training_sets
    return [next(band for band, lowest in BANDS.items() if share >= lowest) for share in shares]


def completion_metrics(ranks: NDArray[np.float64], queries: CompletionQueries, training_sets: int) -> dict[str, dict[str, float]]:
    """The metrics over `all` masked tags, by band (`head`, `mid`, `tail`) and by category (`category <name>`)."""
    vocabulary = queries.masked.vocabulary
    tokens = queries.masked.tokens
    bands = np.array(frequency_bands(vocabulary, training_sets))[tokens]
    metrics = {"all": ranking_metrics(ranks)} | {band: ranking_metrics(ranks[bands == band]) for band in BANDS}
    for index, category in enumerate(vocabulary.categories):
        in_category = vocabulary.category[tokens] == index
        if in_category.any():
            metrics[f"category {category}"] = ranking_metrics(ranks[in_category])
    return metrics


@dataclass(frozen=True)
class Difference:
    """The difference of two mean reciprocal ranks, with its 95% interval."""

    mean: float
    low: float
    high: float


def bootstrap(
    gains: Iterable[NDArray[np.float64]], queries: CompletionQueries, draws: int = 10_000, seed: int = 0
) -> list[Difference]:
    """Paired bootstrap over sets of the means of several gains, with the same resamples for all.

    Args:
        gains: [masked tags] each, differences of reciprocal ranks; NaN where a tag is left out.
        queries: the queries.
        draws: the number of resamples.
        seed: of the resampling.
    """
    set_index = queries.set_index[queries.masked.rows]
    rows = [(np.bincount(set_index, np.nan_to_num(gain)), np.bincount(set_index, ~np.isnan(gain))) for gain in gains]
    sums, counts = (np.array(part)[:, np.bincount(set_index) > 0] for part in zip(*rows, strict=True))
    generator = np.random.default_rng(seed)
    means = np.empty((draws, len(sums)))
    with np.errstate(invalid="ignore"):  # the mean of no tags is NaN
        for draw in range(draws):
            times = np.bincount(generator.integers(sums.shape[1], size=sums.shape[1]), minlength=sums.shape[1])
            means[draw] = (sums @ times) / (counts @ times)
        mean = sums.sum(axis=1) / counts.sum(axis=1)
    means[:, np.isnan(mean)] = 0
    low, high = np.nanquantile(means, [0.025, 0.975], axis=0)
    return [Difference(*map(float, values)) for values in zip(mean, low, high, strict=True)]


def unit(vectors: Vectors) -> Vectors:
    """Vectors scaled to length 1; a zero vector stays zero."""
    if sparse.issparse(vectors):
        norms = np.sqrt(vectors.multiply(vectors).sum(axis=1))
        return sparse.csr_array(vectors.multiply(1 / np.maximum(norms, 1e-12)[:, None]))
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def category_retrieval_metrics(embedder: Embedder, retrieval: RetrievalQueries) -> dict[str, float]:
    """P@10 and mean average precision of the gallery sorted by cosine; sets that share a masked tag are relevant.

    Queries without a relevant set are left out; `queries` is the number of the others.
    """
    gallery = unit(embedder(retrieval.gallery)).T
    masked_tags = retrieval.masked_gallery.matrix().T
    precisions: list[Floats] = []
    averages: list[Floats] = []
    for chunk in chunks(retrieval.queries, len(retrieval.gallery)):
        cosines = unit(embedder(retrieval.queries.take(chunk))) @ gallery
        cosines = cosines.toarray() if sparse.issparse(cosines) else cosines
        relevant = (retrieval.masked_queries.take(chunk).matrix() @ masked_tags).toarray() > 0
        has_relevant = relevant.any(axis=1)
        cosines, relevant = cosines[has_relevant], relevant[has_relevant]
        order = np.argsort(-cosines, axis=1, kind="stable")
        hits = np.take_along_axis(relevant, order, axis=1)
        precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
        precisions.append(hits[:, :10].mean(axis=1))
        averages.append((precision * hits).sum(axis=1) / hits.sum(axis=1))
    queries = sum(len(part) for part in precisions)
    if not queries:
        return {"P@10": float("nan"), "mAP": float("nan"), "queries": 0}
    return {
        "P@10": float(np.concatenate(precisions).mean()),
        "mAP": float(np.concatenate(averages).mean()),
        "queries": queries,
    }


def retrieval_metrics(embedder: Embedder, retrievals: list[RetrievalQueries]) -> dict[str, dict[str, float]]:
    """The metrics for each masked category, and their unweighted mean as `all`."""
    metrics = {f"category {retrieval.category}": category_retrieval_metrics(embedder, retrieval) for retrieval in retrievals}
    means = {name: float(np.nanmean([values[name] for values in metrics.values()])) for name in ("P@10", "mAP")}
    return {"all": means, **metrics}


def shuffled(sets: TagSets, seed: int = 0) -> TagSets:
    """The same sets with the tags of each in random order."""
    keys = np.random.default_rng(seed).random(len(sets.tokens))
    order: Integers = np.lexsort((keys, sets.rows))
    return TagSets(sets.tokens[order], sets.offsets, sets.ids, sets.groups, sets.vocabulary)


def permutation_error(embedder: Embedder, sets: TagSets) -> float:
    """The largest change of any entry of any vector when the order of the tags changes."""
    return float(np.abs(embedder(sets) - embedder(shuffled(sets))).max())
