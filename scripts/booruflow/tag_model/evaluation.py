"""How well the hidden tags of a set are found, and how well its vector finds its like: always the full vocabulary."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from booruflow.tag_model.protocol import Completion, Retrieval
from booruflow.tag_model.sets import Integers, TagSets, Vocabulary

Floats = NDArray[Any]
Scorer = Callable[[TagSets], Floats]
"""From sets to a score for every tag, [sets, tags]; a higher score is a better guess. Shown tags are left out later."""
Vectors = Any
"""One vector a row, [rows, dimensions]: a NumPy array or, where most entries are zero, a SciPy one."""
Embedder = Callable[[TagSets], Vectors]
"""From sets to one vector a set."""

BANDS = {"head": 0.05, "mid": 0.005, "tail": 0.0}
"""The least share of training sets that a tag of each band stands on."""
CELLS = 2**25
"""Scores kept in memory at a time."""


def chunks(sets: TagSets, columns: int) -> list[slice]:
    """Runs of sets whose scores for so many columns fit in memory."""
    step = max(1, CELLS // columns)
    return [slice(start, start + step) for start in range(0, len(sets), step)]


def ranks(scorer: Scorer, asked: Completion) -> NDArray[np.float64]:
    """[hidden tags] The rank of each hidden tag, from 1, among all tags without the shown and the other hidden ones.

    Tags with an equal score count half, so that a scorer gains nothing by saying the same of all.
    """
    parts = []
    for chunk in chunks(asked.shown, len(asked.shown.vocabulary)):
        shown, hidden = asked.shown.take(chunk), asked.hidden.take(chunk)
        scores = np.array(scorer(shown), np.float32)
        wanted = scores[hidden.rows, hidden.tokens]
        scores[shown.rows, shown.tokens] = -np.inf
        scores[hidden.rows, hidden.tokens] = -np.inf
        scores.sort(axis=1)
        below, through = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.int64)
        for row in range(len(shown)):
            own = slice(hidden.offsets[row], hidden.offsets[row + 1])
            below[own] = np.searchsorted(scores[row], wanted[own], side="left")
            through[own] = np.searchsorted(scores[row], wanted[own], side="right")
        parts.append(1 + (scores.shape[1] - through) + (through - below) / 2)
    return np.concatenate(parts)


def figures(found: NDArray[np.float64]) -> dict[str, float]:
    """Recall at 1, 5, 10 and mean reciprocal rank over hidden tags (NaN when there are none)."""
    if not len(found):
        return dict.fromkeys(("R@1", "R@5", "R@10", "MRR"), float("nan"))
    recall = {f"R@{k}": float((found <= k).mean()) for k in (1, 5, 10)}
    return {**recall, "MRR": float((1 / found).mean())}


def band_of(vocabulary: Vocabulary, training_sets: int) -> list[str]:
    """[tags] head, mid or tail, by the share of training sets that a tag stands on."""
    shares = vocabulary.counts / training_sets
    return [next(band for band, least in BANDS.items() if share >= least) for share in shares]


def completion_report(found: NDArray[np.float64], asked: Completion, training_sets: int) -> dict[str, dict[str, float]]:
    """The figures over `all` hidden tags, by band (`head`, `mid`, `tail`) and by category (`category <name>`)."""
    vocabulary = asked.hidden.vocabulary
    tokens = asked.hidden.tokens
    bands = np.array(band_of(vocabulary, training_sets))[tokens]
    report = {"all": figures(found)} | {band: figures(found[bands == band]) for band in BANDS}
    for index, category in enumerate(vocabulary.categories):
        of_category = vocabulary.category[tokens] == index
        if of_category.any():
            report[f"category {category}"] = figures(found[of_category])
    return report


@dataclass(frozen=True)
class Difference:
    """How much larger one mean reciprocal rank is than another, with its 95% interval."""

    mean: float
    low: float
    high: float


def bootstrap(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], asked: Completion, draws: int = 10_000, seed: int = 0
) -> Difference:
    """Paired bootstrap over sets of the difference in mean reciprocal rank.

    Args:
        ours: [seeds, hidden tags] or [hidden tags], ranks; over several seeds the reciprocal ranks are averaged.
        theirs: [hidden tags], ranks of the rival on the same questions.
        asked: the questions.
        draws: how many resamples.
        seed: of the resampling.
    """
    gain = (1 / np.atleast_2d(ours)).mean(axis=0) - 1 / theirs
    item = asked.item[asked.hidden.rows]
    sums, counts = np.bincount(item, gain), np.bincount(item)
    sums, counts = sums[counts > 0], counts[counts > 0]
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    for draw in range(draws):
        chosen = generator.integers(len(sums), size=len(sums))
        means[draw] = sums[chosen].sum() / counts[chosen].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(float(gain.mean()), float(low), float(high))


def unit(vectors: Vectors) -> Vectors:
    """Vectors of length 1; a zero vector stays zero."""
    if sparse.issparse(vectors):
        norms = np.sqrt(vectors.multiply(vectors).sum(axis=1))
        return sparse.csr_array(vectors.multiply(1 / np.maximum(norms, 1e-12)[:, None]))
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def retrieval_figures(embedder: Embedder, asked: Retrieval) -> dict[str, float]:
    """P@10 and mean average precision of the gallery sorted by cosine; relevant shares a hidden tag with the query.

    Queries without any relevant set are left out; `queries` says how many remain.
    """
    gallery = unit(embedder(asked.gallery)).T
    tags = asked.hidden_gallery.matrix().T
    precisions: list[Floats] = []
    averages: list[Floats] = []
    for chunk in chunks(asked.queries, len(asked.gallery)):
        near = unit(embedder(asked.queries.take(chunk))) @ gallery
        near = near.toarray() if sparse.issparse(near) else near
        relevant = (asked.hidden_queries.take(chunk).matrix() @ tags).toarray() > 0
        answered = relevant.any(axis=1)
        near, relevant = near[answered], relevant[answered]
        order = np.argsort(-near, axis=1, kind="stable")
        hits = np.take_along_axis(relevant, order, axis=1)
        precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
        precisions.append(hits[:, :10].mean(axis=1))
        averages.append((precision * hits).sum(axis=1) / hits.sum(axis=1))
    answered_queries = sum(len(part) for part in precisions)
    if not answered_queries:
        return {"P@10": float("nan"), "mAP": float("nan"), "queries": 0}
    return {
        "P@10": float(np.concatenate(precisions).mean()),
        "mAP": float(np.concatenate(averages).mean()),
        "queries": answered_queries,
    }


def retrieval_report(embedder: Embedder, asked: list[Retrieval]) -> dict[str, dict[str, float]]:
    """The figures of each hidden category, and their plain mean as `all`."""
    report = {f"category {questions.category}": retrieval_figures(embedder, questions) for questions in asked}
    means = {name: float(np.nanmean([figures[name] for figures in report.values()])) for name in ("P@10", "mAP")}
    return {"all": means, **report}


def shuffled(sets: TagSets, seed: int = 0) -> TagSets:
    """The same sets with the tags of each in another order."""
    keys = np.random.default_rng(seed).random(len(sets.tokens))
    order: Integers = np.lexsort((keys, sets.rows))
    return TagSets(sets.tokens[order], sets.offsets, sets.ids, sets.groups, sets.vocabulary)


def permutation_error(embedder: Embedder, sets: TagSets) -> float:
    """The largest change of any entry of any vector when the order of the tags changes."""
    return float(np.abs(embedder(sets) - embedder(shuffled(sets))).max())
