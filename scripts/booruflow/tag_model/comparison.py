"""All contenders before the same questions: the model, the rivals, and the two together."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
from booruflow.tag_model.inference import embedder, scorer
from booruflow.tag_model.model import TagSetModel
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
    seconds: float | None = None
    """What fitting took, where that is known."""


@dataclass(frozen=True)
class Result:
    """What a contender answered."""

    name: str
    completion: Report = field(default_factory=dict)
    retrieval: Report = field(default_factory=dict)
    parameters: int = 0
    seconds: float | None = None
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


def contenders_of(
    name: str, model: TagSetModel, train: TagSets, check: Completion, seconds: float | None = None
) -> list[Contender]:
    """A model at each of its nested sizes, and fused with the yardstick by the weight that does best in validation.

    Args:
        name: what to call it.
        model: a trained model.
        train: the sets that the yardstick is fitted on.
        check: validation questions.
        seconds: what training the model took, if that is known.
    """
    parameters = sum(weight.numel() for weight in model.parameters())
    contenders = [
        Contender(f"{name} {size}", scorer(model, size), embedder(model, size), parameters, seconds)
        for size in model.config.nested
    ]
    whole, linear = scorer(model, model.config.nested[-1]), rivals.linear(rivals.edlae(train))
    found = {weight: figures(ranks(rivals.fused(whole, linear, weight), check))["MRR"] for weight in FUSION_WEIGHTS}
    best = max(found, key=found.__getitem__)
    both = parameters + len(train.vocabulary) ** 2
    fused = rivals.fused(whole, linear, best)
    return [*contenders, Contender(f"{name} + {YARDSTICK}, weight {best}", fused, None, both, seconds)]


def compared(
    models: Mapping[str, TagSetModel], train: TagSets, asked: Questions, check: Completion, most_gallery: int
) -> list[Result]:
    """All rivals, then the models by name."""
    sizes = next(iter(models.values())).config.nested
    results = [examine(contender, asked) for contender in all_rivals(train, sizes, most_gallery)]
    for name, model in models.items():
        results += [examine(contender, asked) for contender in contenders_of(name, model, train, check)]
    return results


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
        float(np.mean([result.seconds or 0 for result in results])),
    )


def rows_of(results: Sequence[Result]) -> str:
    """Everything but the ranks as JSON; what was asked of no tag is null."""

    def plain(report: Report) -> dict[str, dict[str, float | None]]:
        return {part: {name: None if np.isnan(x) else x for name, x in values.items()} for part, values in report.items()}

    rows = [
        {
            "name": result.name,
            "parameters": result.parameters,
            "completion": plain(result.completion),
            "retrieval": plain(result.retrieval),
        }
        for result in results
    ]
    return json.dumps(rows, indent=1) + "\n"


def completion_table(results: Sequence[Result]) -> str:
    """Figures over all hidden tags, and MRR by band, as a Markdown table; what a contender cannot do stays empty."""
    head = ("", "R@1", "R@5", "R@10", "MRR", *BANDS, "P@10", "mAP", "parameters", "fit")
    rows = []
    for result in results:
        whole, near = result.completion.get("all", {}), result.retrieval.get("all", {})
        cells = [whole.get(name) for name in ("R@1", "R@5", "R@10", "MRR")]
        cells += [result.completion.get(band, {}).get("MRR") for band in BANDS]
        cells += [near.get(name) for name in ("P@10", "mAP")]
        fit = "" if result.seconds is None else f"{result.seconds:.1f} s"
        rows.append((result.name, *map(short, cells), f"{result.parameters:,}", fit))
    return markdown(head, rows)


def category_table(results: Sequence[Result]) -> str:
    """Completion MRR by category, one contender a column."""
    scored = [result for result in results if result.completion]
    parts = [part for part in scored[0].completion if part.startswith("category ")]
    rows = [(part.removeprefix("category "), *(short(result.completion[part]["MRR"]) for result in scored)) for part in parts]
    return markdown(("category", *(result.name for result in scored)), rows)


def retrieval_table(results: Sequence[Result]) -> str:
    """Mean average precision by hidden category, one contender a row."""
    able = [result for result in results if result.retrieval]
    parts = list(able[0].retrieval)
    rows = [(result.name, *(short(result.retrieval[part]["mAP"]) for part in parts)) for result in able]
    return markdown(("", *(part.removeprefix("category ") for part in parts)), rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))


def short(value: float | None) -> str:
    """Three places; nothing for nothing."""
    return "" if value is None or np.isnan(value) else f"{value:.3f}".removeprefix("0")


def gain_line(ours: Sequence[Result], rival: Result, asked: Completion) -> str:
    """How much better we are than a rival, mean of our seeds, with the paired bootstrap's interval."""
    assert rival.ranks is not None
    gain = bootstrap(np.array([result.ranks for result in ours]), rival.ranks, asked)
    return f"- {ours[0].name} over {rival.name}: {gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})\n"


def report(results: Sequence[Result], gains: Sequence[str]) -> str:
    """All tables as a Markdown page."""
    models = [result for result in results if result.name == YARDSTICK or result.name.startswith(("bag", "model"))]
    return (
        "## Hidden tags found (by band: MRR) and similar sets found\n\n"
        f"{completion_table(results)}\n"
        "## Difference in MRR, 95% by paired bootstrap over sets\n\n"
        f"{''.join(gains)}\n"
        "## MRR of hidden tags by category\n\n"
        f"{category_table(models)}\n"
        "## Mean average precision of similar sets by hidden category\n\n"
        f"{retrieval_table(results)}"
    )
