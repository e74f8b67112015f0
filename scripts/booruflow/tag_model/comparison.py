"""Evaluate the model, the baselines and their fusion on the same held-out queries, and report the scores."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from booruflow.tag_model import baselines
from booruflow.tag_model.embedding import embedder, scorer
from booruflow.tag_model.evaluation import (
    BANDS,
    Embedder,
    Scorer,
    bootstrap,
    completion_metrics,
    frequency_bands,
    masked_ranks,
    ranking_metrics,
    retrieval_metrics,
)
from booruflow.tag_model.model import TagSetModel
from booruflow.tag_model.protocol import (
    CompletionQueries,
    RetrievalQueries,
    Splits,
    completion_queries,
    retrieval_queries,
    sample_sets,
)
from booruflow.tag_model.sets import TagSets

FUSION_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
REFERENCE_BASELINE = "EDLAE"
"""The baseline that the model is fused with: the strongest in closed form."""

Metrics = dict[str, dict[str, float]]
"""Part of the data -> metric -> value."""


@dataclass(frozen=True)
class Queries:
    """The queries of an evaluation on one part of the data, the same for all methods."""

    completion: CompletionQueries
    retrievals: list[RetrievalQueries]
    training_sets: int


def evaluation_queries(
    splits: Splits, part: TagSets, categories: Sequence[str], max_queries: int, gallery_size: int, salt: str = "v1"
) -> Queries:
    """Completion on a part, and retrieval from the training sets with each of the categories masked.

    At most `max_queries` sets of the part and `gallery_size` training sets are used, sampled by hash.
    """
    sets, gallery = sample_sets(part, max_queries), sample_sets(splits.train, gallery_size)
    retrievals = [retrieval_queries(sets, gallery, category) for category in categories]
    return Queries(completion_queries(sets, salt=salt), retrievals, len(splits.train))


@dataclass(frozen=True)
class Method:
    """A fitted method that scores tags, or embeds sets, or both."""

    name: str
    scorer: Scorer | None = None
    embedder: Embedder | None = None
    parameters: int = 0
    seconds: float | None = None
    """Time of fitting, if known."""


@dataclass(frozen=True)
class MethodScores:
    """The metrics of a method."""

    name: str
    completion: Metrics = field(default_factory=dict)
    retrieval: Metrics = field(default_factory=dict)
    parameters: int = 0
    seconds: float | None = None
    ranks: NDArray[np.float64] | None = None
    """[masked tags]"""


def evaluate(method: Method, queries: Queries) -> MethodScores:
    """Evaluate a method on all queries that it can answer."""
    ranks = None if method.scorer is None else masked_ranks(method.scorer, queries.completion)
    completion = {} if ranks is None else completion_metrics(ranks, queries.completion, queries.training_sets)
    retrieval = {} if method.embedder is None else retrieval_metrics(method.embedder, queries.retrievals)
    return MethodScores(method.name, completion, retrieval, method.parameters, method.seconds, ranks)


def fit_baselines(train: TagSets, sizes: Sequence[int], gallery_size: int) -> Iterator[Method]:
    """Fit the baselines one by one.

    Args:
        train: the training sets.
        sizes: vector sizes of PPMI-SVD; the first is also the rank of the low-rank EDLAE.
        gallery_size: the number of training sets among which item kNN searches.
    """
    tags = len(train.vocabulary)
    gallery = sample_sets(train, gallery_size)

    def fit(name: str, parameters: int, function: Callable[[], tuple[Scorer | None, Embedder | None]]) -> Method:
        start = time.monotonic()
        scorer, embedder = function()
        return Method(name, scorer, embedder, parameters, time.monotonic() - start)

    def ppmi_svd(size: int) -> tuple[Scorer, Embedder]:
        vectors = baselines.ppmi_svd(train, size)
        return baselines.nearest_tags(vectors, train), baselines.sum_of_tags(vectors)

    yield fit("frequency", tags, lambda: (baselines.frequency(train), None))
    yield fit("per-category frequency", 2 * tags, lambda: (baselines.category_frequency(train), None))
    yield fit("naive Bayes", tags * tags, lambda: (baselines.naive_bayes(train), None))
    knn = "item kNN (idf cosine)"
    yield fit(knn, len(gallery.tokens), lambda: (baselines.nearest_sets(gallery), baselines.idf_cosine(train)))
    for size in sizes:
        yield fit(f"PPMI-SVD {size}", tags * size, partial(ppmi_svd, size))
    yield fit("EASE", tags * tags, lambda: (baselines.linear(baselines.ease(train)), None))
    yield fit(REFERENCE_BASELINE, tags * tags, lambda: (baselines.linear(baselines.edlae(train)), None))
    rank = sizes[0]
    yield fit(f"EDLAE low-rank {rank}", tags * rank, lambda: (None, baselines.low_rank(baselines.edlae(train), rank)))


def model_methods(
    name: str, model: TagSetModel, train: TagSets, validation: CompletionQueries, seconds: float | None = None
) -> list[Method]:
    """A model without its linear map, if it has one, at each of its Matryoshka sizes, and fused with the reference baseline.

    Args:
        name: the name of the model.
        model: a trained model.
        train: the sets on which the baseline is fitted.
        validation: the queries on which the weight of the fusion is chosen, by MRR.
        seconds: the time of training, if known.
    """
    parameters = model.parameter_count
    sizes = model.config.matryoshka_sizes
    methods = [Method(f"{name} {size}", scorer(model, size), embedder(model, size), parameters, seconds) for size in sizes]
    full, linear = scorer(model, sizes[-1]), baselines.linear(baselines.edlae(train))
    mrr = {
        weight: ranking_metrics(masked_ranks(baselines.fused(full, linear, weight), validation))["MRR"]
        for weight in FUSION_WEIGHTS
    }
    best = max(mrr, key=mrr.__getitem__)
    fused, fused_parameters = baselines.fused(full, linear, best), parameters + len(train.vocabulary) ** 2
    if model.config.neighbours:
        vectors_only = scorer(model, sizes[-1], vectors_only=True)
        trained = sum(weight.numel() for weight in model.parameters())
        methods.insert(0, Method(f"{name} {sizes[-1]} without the linear map", vectors_only, None, trained, seconds))
    return [*methods, Method(f"{name} + {REFERENCE_BASELINE}, weight {best}", fused, None, fused_parameters, seconds)]


def evaluate_all(
    models: Mapping[str, TagSetModel], train: TagSets, queries: Queries, validation: CompletionQueries, gallery_size: int
) -> list[MethodScores]:
    """The scores of all baselines, then of the models by name."""
    sizes = next(iter(models.values())).config.matryoshka_sizes
    scores = [evaluate(method, queries) for method in fit_baselines(train, sizes, gallery_size)]
    for name, model in models.items():
        scores += [evaluate(method, queries) for method in model_methods(name, model, train, validation)]
    return scores


def scores_json(scores: Sequence[MethodScores]) -> str:
    """The scores without ranks as JSON; null where no masked tag belongs to a part."""

    def without_nan(metrics: Metrics) -> dict[str, dict[str, float | None]]:
        return {part: {name: None if np.isnan(x) else x for name, x in values.items()} for part, values in metrics.items()}

    rows = [
        {
            "name": score.name,
            "parameters": score.parameters,
            "completion": without_nan(score.completion),
            "retrieval": without_nan(score.retrieval),
        }
        for score in scores
    ]
    return json.dumps(rows, indent=1) + "\n"


def completion_table(scores: Sequence[MethodScores]) -> str:
    """Metrics over all masked tags, and MRR by band, as a Markdown table; metrics that a method lacks stay empty."""
    head = ("", "R@1", "R@5", "R@10", "MRR", *BANDS, "P@10", "mAP", "parameters", "fit")
    rows = []
    for score in scores:
        completion, retrieval = score.completion.get("all", {}), score.retrieval.get("all", {})
        cells = [completion.get(name) for name in ("R@1", "R@5", "R@10", "MRR")]
        cells += [score.completion.get(band, {}).get("MRR") for band in BANDS]
        cells += [retrieval.get(name) for name in ("P@10", "mAP")]
        fit = "" if score.seconds is None else f"{score.seconds:.1f} s"
        rows.append((score.name, *map(format_score, cells), f"{score.parameters:,}", fit))
    return markdown_table(head, rows)


def category_table(scores: Sequence[MethodScores]) -> str:
    """Completion MRR by category, one method per column."""
    scored = [score for score in scores if score.completion]
    parts = [part for part in scored[0].completion if part.startswith("category ")]
    rows = [
        (part.removeprefix("category "), *(format_score(score.completion[part]["MRR"]) for score in scored)) for part in parts
    ]
    return markdown_table(("category", *(score.name for score in scored)), rows)


def retrieval_table(scores: Sequence[MethodScores]) -> str:
    """Mean average precision by masked category, one method per row."""
    scored = [score for score in scores if score.retrieval]
    parts = list(scored[0].retrieval)
    rows = [(score.name, *(format_score(score.retrieval[part]["mAP"]) for part in parts)) for score in scored]
    return markdown_table(("", *(part.removeprefix("category ") for part in parts)), rows)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))


def format_score(value: float | None) -> str:
    """Three decimal places without the leading zero; an empty string for None and NaN."""
    return "" if value is None or np.isnan(value) else f"{value:.3f}".removeprefix("0")


def gain_table(ours: Sequence[Sequence[MethodScores]], baselines: Sequence[Sequence[MethodScores]], queries: Queries) -> str:
    """The gain in MRR over each baseline, of all masked tags and of those in the tail, with 95% intervals by paired bootstrap.

    Each method is given as the scores of its seeds, whose reciprocal ranks are averaged.
    """
    masked = queries.completion.masked
    is_tail = np.array(frequency_bands(masked.vocabulary, queries.training_sets))[masked.tokens] == "tail"
    parts = {"all": np.ones(len(is_tail), bool), "tail": is_tail}

    def reciprocal_ranks(seeds: Sequence[MethodScores]) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = np.mean([1 / score.ranks for score in seeds if score.ranks is not None], axis=0)
        return mean

    ours_by_name = {seeds[0].name: reciprocal_ranks(seeds) for seeds in ours}
    gains = (
        np.where(part, mine - theirs, np.nan)
        for theirs in map(reciprocal_ranks, baselines)
        for mine in ours_by_name.values()
        for part in parts.values()
    )
    cells = (
        "" if np.isnan(gain.mean) else f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        for gain in bootstrap(gains, queries.completion)
    )
    head = [f"{name}, {part}" for name in ours_by_name for part in parts]
    rows = [(seeds[0].name, *islice(cells, len(head))) for seeds in baselines]
    return markdown_table(("over", *head), rows)


def setup_table(splits: Splits, queries: Queries, settings: Mapping[str, Mapping[str, object]]) -> str:
    """What was evaluated: numbers of sets and questions, and settings by section."""
    parts = (splits.train, splits.validation, splits.test)
    sets, groups = sum(map(len, parts)), sum(len(np.unique(part.groups)) for part in parts)
    masked = queries.completion.masked
    rows = [
        (
            "sets",
            ", ".join(f"{len(part):,} {name}" for part, name in zip(parts, ("training", "validation", "test"), strict=True)),
        ),
        ("in groups that stay in one split", f"{sets - groups:,} sets beside the first of their group"),
        ("tags", f"{masked.vocabulary.is_content.sum():,}"),
        ("masked tags", f"{len(masked.tokens):,} questions about {len(np.unique(queries.completion.set_index)):,} sets"),
    ]
    rows += [
        (
            f"similar sets, {each.category} masked",
            f"{len(each.queries):,} questions, {len(each.gallery):,} training sets searched",
        )
        for each in queries.retrievals
    ]
    rows += [(name, ", ".join(f"{key} {value}" for key, value in section.items())) for name, section in settings.items()]
    return markdown_table(("", ""), rows)


def comparison_page(setup: str, scores: Sequence[MethodScores], gains: str) -> str:
    """All tables as a Markdown page; `setup` and `gains` are from `setup_table` and `gain_table`."""
    selected = [score for score in scores if score.name == REFERENCE_BASELINE or score.name.startswith(("bag", "model"))]
    return (
        "## Data and settings\n\n"
        f"{setup}\n"
        "## Masked tags (by band: MRR) and similar sets\n\n"
        f"{completion_table(scores)}\n"
        "## Gain in MRR, with 95% intervals by paired bootstrap over sets\n\n"
        f"{gains}\n"
        "## MRR of masked tags by category\n\n"
        f"{category_table(selected)}\n"
        "## Mean average precision of similar sets by masked category\n\n"
        f"{retrieval_table(scores)}"
    )
