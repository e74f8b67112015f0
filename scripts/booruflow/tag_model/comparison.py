"""All contenders before the same questions: the model, the rivals, and the two together."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from booruflow.tag_model import rivals
from booruflow.tag_model.evaluation import (
    BANDS,
    Embedder,
    Scorer,
    bootstrap,
    completion_report,
    figures,
    ranks,
    retrieval_report,
)
from booruflow.tag_model.protocol import Completion, Retrieval, Splits, completion, retrieval, sample
from booruflow.tag_model.sets import TagSets

FUSION_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
YARDSTICK = "EDLAE"
"""The rival that others are compared with by bootstrap, and that is fused with the model."""

Report = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Questions:
    """What every contender is asked, on one part of the data."""

    completion: Completion
    retrievals: list[Retrieval]
    training_sets: int


def questions(
    splits: Splits,
    part: TagSets,
    categories: Sequence[str],
    salt: str = "v1",
    most_sets: int = 10_000,
    most_gallery: int = 50_000,
) -> Questions:
    """Completion on a part, and retrieval from the training sets with each of the categories hidden.

    Parts and gallery with more sets are sampled by hash down to `most_sets` and `most_gallery`.
    """
    asked, gallery = sample(part, most_sets), sample(splits.train, most_gallery)
    retrievals = [retrieval(asked, gallery, category) for category in categories]
    return Questions(completion(asked, salt=salt), retrievals, len(splits.train))


@dataclass(frozen=True)
class Contender:
    """Something that scores tags, or embeds sets, or both."""

    name: str
    scorer: Scorer | None = None
    embedder: Embedder | None = None
    parameters: int = 0
    seconds: float = 0.0
    """What fitting took."""


@dataclass(frozen=True)
class Result:
    """What a contender answered."""

    name: str
    completion: Report = field(default_factory=dict)
    retrieval: Report = field(default_factory=dict)
    parameters: int = 0
    seconds: float = 0.0
    ranks: NDArray[np.float64] | None = None
    """[hidden tags]"""


def examine(contender: Contender, asked: Questions) -> Result:
    """Ask a contender all that it can answer."""
    found = None if contender.scorer is None else ranks(contender.scorer, asked.completion)
    completed = {} if found is None else completion_report(found, asked.completion, asked.training_sets)
    retrieved = {} if contender.embedder is None else retrieval_report(contender.embedder, asked.retrievals)
    return Result(contender.name, completed, retrieved, contender.parameters, contender.seconds, found)


def all_rivals(train: TagSets, sizes: Sequence[int], most_gallery: int = 50_000) -> Iterator[Contender]:
    """The rivals that need no training, fitted one by one as they are asked for.

    Args:
        train: the training sets.
        sizes: of the vectors of PPMI-SVD, and of the low-rank EDLAE the first.
        most_gallery: the nearest sets are looked for among so many.
    """
    tags = len(train.vocabulary)

    def fitted(name: str, parameters: int, fit: Callable[[], tuple[Scorer | None, Embedder | None]]) -> Contender:
        start = time.monotonic()
        scorer, embedder = fit()
        return Contender(name, scorer, embedder, parameters, time.monotonic() - start)

    def svd(size: int) -> tuple[Scorer, Embedder]:
        vectors = rivals.ppmi_svd(train, size)
        return rivals.nearest_tags(vectors, train), rivals.mean_of(vectors)

    yield fitted("frequency", tags, lambda: (rivals.frequency(train), None))
    yield fitted("per-category frequency", 2 * tags, lambda: (rivals.category_frequency(train), None))
    yield fitted("naive Bayes", tags * tags, lambda: (rivals.naive_bayes(train), None))
    near = sample(train, most_gallery)
    yield fitted("item kNN (idf cosine)", len(near.tokens), lambda: (rivals.nearest_sets(near), rivals.idf_cosine(train)))
    for size in sizes:
        yield fitted(f"PPMI-SVD {size}", tags * size, lambda size=size: svd(size))  # type: ignore[misc]
    yield fitted("EASE", tags * tags, lambda: (rivals.linear(rivals.ease(train)), None))
    yield fitted(YARDSTICK, tags * tags, lambda: (rivals.linear(rivals.edlae(train)), None))
    size = sizes[0]
    yield fitted(f"EDLAE low-rank {size}", tags * size, lambda: (None, rivals.low_rank(rivals.edlae(train), size)))


def tuned_fusion(first: Scorer, second: Scorer, check: Completion) -> tuple[Scorer, float]:
    """The late fusion whose weight does best on validation questions, and that weight."""
    scores = {weight: figures(ranks(rivals.fused(first, second, weight), check))["MRR"] for weight in FUSION_WEIGHTS}
    weight = max(scores, key=scores.__getitem__)
    return rivals.fused(first, second, weight), weight


def averaged(results: Sequence[Result]) -> Result:
    """The mean of several seeds' results, without ranks."""

    def mean(reports: Sequence[Report]) -> Report:
        return {
            part: {name: float(np.mean([report[part][name] for report in reports])) for name in values}
            for part, values in reports[0].items()
        }

    first = results[0]
    return Result(
        first.name,
        mean([result.completion for result in results]),
        mean([result.retrieval for result in results]),
        first.parameters,
        float(np.mean([result.seconds for result in results])),
    )


def table(results: Sequence[Result]) -> str:
    """Completion and retrieval of all contenders as a Markdown table; what a contender cannot do is left empty."""
    head = ("", "R@1", "R@5", "R@10", "MRR", *BANDS, "P@10", "mAP", "parameters", "fit")
    lines = [head, ("---",) * len(head)]
    for result in results:
        whole, near = result.completion.get("all", {}), result.retrieval.get("all", {})
        cells = [whole.get(name) for name in ("R@1", "R@5", "R@10", "MRR")]
        cells += [result.completion.get(band, {}).get("MRR") for band in BANDS]
        cells += [near.get(name) for name in ("P@10", "mAP")]
        shown = [short(cell) for cell in cells]
        lines.append((result.name, *shown, f"{result.parameters:,}", f"{result.seconds:.1f} s"))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def parts_table(results: Sequence[Result]) -> str:
    """Completion MRR by category, one contender a column."""
    scored = [result for result in results if result.completion]
    parts = [part for part in scored[0].completion if part.startswith("category ")]
    lines: list[Sequence[str]] = [("category", *(result.name for result in scored)), ("---",) * (len(scored) + 1)]
    lines += [(part.removeprefix("category "), *(short(result.completion[part]["MRR"]) for result in scored)) for part in parts]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def short(value: float | None) -> str:
    """Three places; nothing for nothing."""
    return "" if value is None or np.isnan(value) else f"{value:.3f}".removeprefix("0")


def against(ours: Sequence[Result], rival: Result, asked: Completion) -> dict[str, float]:
    """The paired bootstrap of the mean of our seeds against a rival."""
    assert rival.ranks is not None
    return asdict(bootstrap(np.array([result.ranks for result in ours]), rival.ranks, asked))
