"""The tag-set model and the baselines on real tag sets: the tags of Debian packages, or their dependencies.

    python benchmarks/tag_model.py                       three seeds
    python benchmarks/tag_model.py dependencies          small sets
    python benchmarks/tag_model.py --salt v2             another split, other masked tags
    python benchmarks/tag_model.py --salt v1 v6 v7       several splits, and their means
    python benchmarks/tag_model.py --part validation     for tuning

Reads ../shared/data/debtags.tsv or dependencies.tsv if it exists; otherwise makes such a table from the package lists of
this machine (benchmarks/debtags.py, benchmarks/dependencies.py). Writes table, scores and learning curves to --out. An
interrupted training resumes.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import debtags
import dependencies
import matplotlib as mpl
import numpy as np
import torch
import yaml
from debian_sets import deduplicate, prune, read_tsv
from matplotlib.figure import Figure
from scipy import stats

from booruflow.core.config import check_config
from booruflow.tag_model import baselines
from booruflow.tag_model.comparison import (
    REFERENCE_BASELINE,
    MethodScores,
    Metrics,
    comparison_page,
    completion_table,
    evaluate,
    evaluation_queries,
    fit_baselines,
    format_score,
    gain_table,
    markdown_table,
    model_methods,
    scores_json,
    setup_table,
)
from booruflow.tag_model.embedding import embedder
from booruflow.tag_model.evaluation import masked_ranks, permutation_error
from booruflow.tag_model.export import write_text
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.protocol import completion_queries, split_sets
from booruflow.tag_model.training import Trainer, TrainingConfig

SHARED = Path("../shared/data")


@dataclass(frozen=True)
class Data:
    """A table of real sets."""

    maker: ModuleType
    """The script that makes it."""
    minimum_count: int
    """Training sets that a tag must be in."""
    categories: tuple[str, ...]
    """Masked one at a time for retrieval."""


DATA = {
    "debtags": Data(debtags, 3, ("interface", "works-with", "use", "field", "uitoolkit", "role")),
    "dependencies": Data(dependencies, 7, ("libs", "python", "perl", "virtual", "admin")),
}
SCHEMA = Path(__file__).parents[1] / "rules/schemas/config.schema.yaml"
DEFAULTS = check_config({}, yaml.safe_load(SCHEMA.read_text())["properties"]["tag_model"])
TRAINING = DEFAULTS["training"] | {"batch_size": 128, "category_mask_rate": 1 / 7}


def mean_over_seeds(scores: Sequence[MethodScores]) -> MethodScores:
    """The mean scores of several seeds, without ranks."""

    def mean(metrics: Sequence[Metrics]) -> Metrics:
        return {
            part: {name: float(np.mean([each[part][name] for each in metrics])) for name in values}
            for part, values in metrics[0].items()
        }

    first = scores[0]
    return MethodScores(
        first.name,
        mean([score.completion for score in scores]),
        mean([score.retrieval for score in scores]),
        first.parameters,
        float(np.mean([score.seconds or 0 for score in scores])),
    )


def main() -> None:
    """Evaluate all methods and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", choices=DATA, default="debtags")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--salt", nargs="+", default=["v1"], help="of the split and of the masks; several: also their means")
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    parser.add_argument("--epochs", type=int, default=TRAINING["epochs"])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/tag_model"))
    options = parser.parse_args()
    torch.set_num_threads(1)

    splits = [evaluate_split(options, salt) for salt in options.salt]
    if len(splits) > 1:
        text = split_table(splits)
        print(text)
        write_text(options.out / options.data / "splits.md", text)


def evaluate_split(options: argparse.Namespace, salt: str) -> list[MethodScores]:
    """Evaluate all methods on one split, write its tables, and return the scores."""
    data, out = DATA[options.data], options.out / options.data
    path = SHARED / f"{options.data}.tsv"
    if not path.exists():
        path = out / path.name
        data.maker.main([str(path)])
    sets = deduplicate(read_tsv(path))
    splits = prune(split_sets([sets], salt, train=80, validation=10), data.minimum_count)
    sizes = [len(part) for part in (splits.train, splits.validation, splits.test)]
    vocabulary = splits.train.vocabulary
    print(f"{path}: {sizes} sets, {len(vocabulary)} tags")

    part = getattr(splits, options.part)
    queries = evaluation_queries(splits, part, data.categories, max_queries=10_000, gallery_size=50_000, salt=salt)
    validation = completion_queries(splits.validation, salt=salt)
    architecture = ModelConfig(len(vocabulary), len(vocabulary.categories), **DEFAULTS["architecture"])
    scores = []
    for method in fit_baselines(splits.train, architecture.matryoshka_sizes, gallery_size=50_000):
        scores.append(evaluate(method, queries))
        print(completion_table(scores[-1:]).splitlines()[-1], flush=True)
    ranked = [[score] for score in scores if score.ranks is not None]

    seed_scores = []
    for name, changes in (("bag of embeddings", {"layers": 0, "neighbours": 0}), ("model", {})):
        runs: list[list[MethodScores]] = []
        logs = []
        for seed in options.seeds:
            config = TrainingConfig(**TRAINING | {"seed": seed, "epochs": options.epochs})
            stem = f"{name.replace(' ', '_')}_{salt}_{seed}"
            checkpoint = out / f"{stem}.pt"
            trainer = Trainer(splits.train, validation, replace(architecture, **changes), config, checkpoint)
            model = trainer.run()
            logs.append(trainer.log)
            write_text(out / f"{stem}.csv", trainer.log_csv())
            error = permutation_error(embedder(model, architecture.matryoshka_sizes[-1]), queries.completion.visible)
            print(f"{name}, seed {seed}: {trainer.seconds:.0f} s; reordering the tags changes vectors by at most {error:.1e}")
            methods = model_methods(name, model, splits.train, validation, trainer.seconds)
            runs.append([evaluate(method, queries) for method in methods])
            print(completion_table(runs[-1]), flush=True)
        columns = list(zip(*runs, strict=True))
        scores += [replace(mean_over_seeds(column), name=column[0].name.split(", weight")[0]) for column in columns]
        ranked += columns if name != "model" else columns[-2:]
        seed_scores += [
            replace(score, name=f"{score.name}, seed {seed}")
            for column in columns[-2:]
            for seed, score in zip(options.seeds, column, strict=True)
        ]
        edlae = baselines.linear(baselines.edlae(splits.train))
        reference_mrr = float((1 / masked_ranks(edlae, validation)).mean())
        draw_curves(logs, options.seeds, reference_mrr, name, out / f"{name.replace(' ', '_')}_{salt}.svg")

    settings = {
        "split": {"salt": salt, "train": 80, "validation": 10},
        "architecture": DEFAULTS["architecture"],
        "training": TRAINING | {"seed": options.seeds, "epochs": options.epochs},
    }
    page = comparison_page(setup_table(splits, queries, settings), scores, gain_table(ranked[-2:], ranked[:-2], queries))
    text = f"{page}\n## Each seed\n\n{completion_table(seed_scores)}"
    print(text)
    write_text(out / f"table_{salt}.md", text)
    write_text(out / f"results_{salt}.json", scores_json([*scores, *seed_scores]))
    return scores


def split_table(splits: Sequence[Sequence[MethodScores]], ours: str = "model 128") -> str:
    """MRR over all masked tags and those in the tail, means over splits, and how far the model is ahead, as a Markdown table.

    The 95% intervals are those of Student's t for the mean of the leads of single splits.
    """
    tables = [{score.name: score.completion for score in scores if score.completion} for scores in splits]
    means, leads = {}, {}
    for name in tables[0]:
        for part in ("all", "tail"):
            values = np.array([table[name][part]["MRR"] for table in tables])
            means[name, part] = format_score(values.mean())
            lead = np.array([table[ours][part]["MRR"] for table in tables]) - values
            mean, margin = lead.mean(), stats.t.ppf(0.975, len(lead) - 1) * lead.std(ddof=1) / np.sqrt(len(lead))
            ahead = f"{(lead > 0).sum()} of {len(lead)}"
            leads[name, part] = f"{mean:+.3f} ({mean - margin:+.3f} to {mean + margin:+.3f}), {ahead}"
    rows = [(name, *(cells[name, part] for cells in (means, leads) for part in ("all", "tail"))) for name in tables[0]]
    lead_head = f"lead of {ours} (95%), splits in which it is ahead"
    return markdown_table((f"{len(splits)} splits", "MRR", "tail", lead_head, "the same, tail"), rows)


def draw_curves(logs: list[list[dict[str, float]]], seeds: list[int], reference_mrr: float, name: str, path: Path) -> None:
    """Validation MRR and training loss over steps, one line per seed."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for log, seed in zip(logs, seeds, strict=True):
        steps = [row["step"] for row in log]
        left.plot(steps, [row["MRR"] for row in log], label=f"seed {seed}")
        right.plot(steps, [row["loss"] for row in log], label=f"seed {seed}")
    left.axhline(reference_mrr, color="grey", linestyle="--", label=REFERENCE_BASELINE)
    left.set(xlabel="step", ylabel="validation MRR", title=name)
    right.set(xlabel="step", ylabel="training loss")
    left.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    with mpl.rc_context({"svg.hashsalt": "booruflow"}):  # the same bytes every time
        figure.savefig(path, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
