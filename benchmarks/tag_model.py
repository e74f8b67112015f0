"""The tag-set model and its rivals on real tag sets: Debian's package tags.

    PYTHONPATH=tools python benchmarks/tag_model.py                       three seeds
    PYTHONPATH=tools python benchmarks/tag_model.py --salt v2             another split, other hidden tags
    PYTHONPATH=tools python benchmarks/tag_model.py --part validation     what one may tune on

Reads ../shared/data/debtags.tsv where there is one, or else makes such a table from the package lists of this machine
(tools/debtags.py). Writes table, figures and learning curves to --out. A training that was stopped goes on.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

import debtags
from booruflow.core.files import written_whole
from booruflow.tag_model import rivals
from booruflow.tag_model.comparison import (
    YARDSTICK,
    Result,
    all_rivals,
    averaged,
    completion_table,
    contenders_of,
    examine,
    gain_line,
    questions,
    report,
    rows_of,
)
from booruflow.tag_model.evaluation import permutation_error, ranks
from booruflow.tag_model.export import write_text
from booruflow.tag_model.inference import embedder
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.protocol import completion, distinct, prune, split
from booruflow.tag_model.sets import read_tsv
from booruflow.tag_model.training import Trainer, TrainingConfig

PINNED = Path("../shared/data/debtags.tsv")
FACETS = ("interface", "works-with", "use", "field", "uitoolkit", "role")


def main() -> None:
    """Ask everyone, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--salt", default="v1", help="of the split and of what is hidden")
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    parser.add_argument("--epochs", type=int, default=TrainingConfig.epochs)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/tag_model"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)

    path = PINNED if PINNED.exists() else chosen.out / "debtags.tsv"
    if path != PINNED:
        debtags.main([str(path)])
    splits = prune(split(distinct(read_tsv(path)), chosen.salt))
    sizes = [len(part) for part in (splits.train, splits.validation, splits.test)]
    print(f"{path}: {sizes} sets, {len(splits.train.vocabulary)} tags")

    asked = questions(splits, getattr(splits, chosen.part), FACETS, chosen.salt)
    check = completion(splits.validation, salt=chosen.salt)
    form = ModelConfig(len(splits.train.vocabulary), len(splits.train.vocabulary.categories))
    results = []
    for contender in all_rivals(splits.train, form.nested):
        results.append(examine(contender, asked))
        print(completion_table(results[-1:]).splitlines()[-1], flush=True)
    edlae = next(result for result in results if result.name == YARDSTICK)

    gains, seeds = [], []
    for name, layers in (("bag of embeddings", 0), ("model", form.layers)):
        runs: list[list[Result]] = []
        logs = []
        for seed in chosen.seeds:
            config = replace(TrainingConfig(), seed=seed, epochs=chosen.epochs)
            stem = f"{name.replace(' ', '_')}_{chosen.salt}_{seed}"
            trainer = Trainer(splits.train, check, replace(form, layers=layers), config, chosen.out / f"{stem}.pt")
            model = trainer.run()
            logs.append(trainer.log)
            write_text(chosen.out / f"{stem}.csv", trainer.log_text())
            error = permutation_error(embedder(model, form.nested[-1]), asked.completion.shown)
            print(f"{name}, seed {seed}: {trainer.seconds:.0f} s; another order of the tags changes vectors by {error:.1e}")
            contenders = contenders_of(name, model, splits.train, check, trainer.seconds)
            runs.append([examine(contender, asked) for contender in contenders])
            print(completion_table(runs[-1]), flush=True)
        columns = list(zip(*runs, strict=True))
        results += [replace(averaged(column), name=column[0].name.split(", weight")[0]) for column in columns]
        gains += [gain_line(column, edlae, asked.completion) for column in columns[-2:]]
        seeds += [
            replace(result, name=f"{result.name}, seed {seed}")
            for column in columns[-2:]
            for seed, result in zip(chosen.seeds, column, strict=True)
        ]
        yardstick = float((1 / ranks(rivals.linear(rivals.edlae(splits.train)), check)).mean())
        draw_curves(logs, chosen.seeds, yardstick, name, chosen.out / f"{name.replace(' ', '_')}.svg")

    text = f"{report(results, gains)}\n## Each seed\n\n{completion_table(seeds)}"
    print(text)
    write_text(chosen.out / "table.md", text)
    write_text(chosen.out / "results.json", rows_of([*results, *seeds]))


def draw_curves(logs: list[list[dict[str, float]]], seeds: list[int], yardstick: float, name: str, path: Path) -> None:
    """Validation MRR and training loss over steps, a line a seed."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for log, seed in zip(logs, seeds, strict=True):
        steps = [row["step"] for row in log]
        left.plot(steps, [row["MRR"] for row in log], label=f"seed {seed}")
        right.plot(steps, [row["loss"] for row in log], label=f"seed {seed}")
    left.axhline(yardstick, color="grey", linestyle="--", label=YARDSTICK)
    left.set(xlabel="step", ylabel="validation MRR", title=name)
    right.set(xlabel="step", ylabel="training loss")
    left.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "booruflow"}), written_whole(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
