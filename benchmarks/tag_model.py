"""The tag-set model and its rivals on real tag sets: Debian's package tags.

    python benchmarks/tag_model.py                       three seeds; about 15 minutes on one core
    python benchmarks/tag_model.py --salt v2             another split, other hidden tags
    python benchmarks/tag_model.py --part validation     what one may tune on

Reads ../shared/data/debtags.tsv where there is one, or else makes such a table from the package lists of this machine
(scripts/debtags.py). Writes table, figures and learning curves to --out. A training that was stopped goes on.
"""

import argparse
import json
import platform
from dataclasses import asdict, replace
from pathlib import Path

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

import debtags
from booruflow.files import open_whole, written_whole
from booruflow.tag_model import rivals
from booruflow.tag_model.comparison import (
    YARDSTICK,
    Contender,
    Questions,
    Result,
    against,
    all_rivals,
    averaged,
    examine,
    parts_table,
    questions,
    table,
    tuned_fusion,
)
from booruflow.tag_model.evaluation import permutation_error, ranks
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.protocol import Splits, completion, distinct, prune, split
from booruflow.tag_model.sets import read_tsv
from booruflow.tag_model.training import Trainer, TrainingConfig, embedder, scorer

PINNED = Path("../shared/data/debtags.tsv")
FACETS = ("interface", "works-with", "use", "field", "uitoolkit", "role")
BAG = "bag of embeddings"
MODEL = "set transformer"


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

    path = PINNED
    if not path.exists():
        path = chosen.out / "debtags.tsv"
        debtags.main([str(path)])
    splits = prune(split(distinct(read_tsv(path)), chosen.salt))
    sizes = [len(part) for part in (splits.train, splits.validation, splits.test)]
    print(f"{path}: {sizes} sets, {len(splits.train.vocabulary)} tags")

    asked = questions(splits, getattr(splits, chosen.part), FACETS, chosen.salt)
    form = ModelConfig(len(splits.train.vocabulary), len(splits.train.vocabulary.categories))
    results = []
    for contender in all_rivals(splits.train, form.nested):
        results.append(examine(contender, asked))
        print(table(results[-1:]).splitlines()[-1])
    config = replace(TrainingConfig(), epochs=chosen.epochs)
    bag = trained(BAG, splits, asked, replace(form, layers=0), config, chosen)
    model = trained(MODEL, splits, asked, form, config, chosen)
    results += [averaged(seeds) for seeds in (*bag.values(), *model.values())]

    edlae = next(result for result in results if result.name == YARDSTICK)
    whole, fusion = f"{MODEL} {form.nested[-1]}", f"{MODEL} + {YARDSTICK}"
    gains = {
        f"{name} - {rival.name}": against(model[name], rival, asked.completion) for name in (whole, fusion) for rival in (edlae,)
    }
    text = (
        f"{table(results)}\nDifference in MRR, mean of the seeds, 95% by paired bootstrap over sets:\n\n"
        + "".join(f"- {name}: {gain['mean']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})\n" for name, gain in gains.items())
        + "\nEach seed:\n\n"
        + table(
            [
                replace(result, name=f"{name}, seed {seed}")
                for name in (whole, fusion)
                for seed, result in zip(chosen.seeds, model[name], strict=True)
            ]
        )
        + "\nMRR by category:\n\n"
        + parts_table([edlae, *(result for result in results if result.name in (f"{BAG} {form.nested[-1]}", whole, fusion))])
        + "\nRetrieval mAP by hidden category:\n\n"
        + retrieval_table([result for result in results if result.retrieval])
    )
    print(text)
    chosen.out.mkdir(parents=True, exist_ok=True)
    write(chosen.out / "table.md", text)
    summary = {
        "machine": f"{platform.machine()}, torch {torch.__version__}, 1 thread",
        "sets": sizes,
        "gains": gains,
        "results": [{**asdict(replace(result, ranks=None))} for result in results],
    }
    write(chosen.out / "results.json", json.dumps(summary, indent=1) + "\n")


def trained(
    name: str, splits: Splits, asked: Questions, form: ModelConfig, config: TrainingConfig, chosen: argparse.Namespace
) -> dict[str, list[Result]]:
    """Train each seed, and examine it at each nested size and fused with the yardstick; results by name, seed by seed."""
    check = completion(splits.validation, salt=chosen.salt)
    edlae = rivals.linear(rivals.edlae(splits.train))
    results: dict[str, list[Result]] = {}
    logs = []
    for seed in chosen.seeds:
        stem = f"{name.replace(' ', '_')}_{chosen.salt}_{seed}"
        trainer = Trainer(splits.train, check, form, replace(config, seed=seed), chosen.out / f"{stem}.pt")
        model = trainer.run()
        logs.append(trainer.log)
        write(chosen.out / f"{stem}.csv", trainer.log_text())
        parameters = sum(weight.numel() for weight in model.parameters())
        contenders = [
            Contender(f"{name} {size}", scorer(model, size), embedder(model, size), parameters, trainer.seconds)
            for size in form.nested
        ]
        fused, weight = tuned_fusion(contenders[-1].scorer, edlae, check)
        both = parameters + len(splits.train.vocabulary) ** 2
        contenders.append(Contender(f"{name} + {YARDSTICK}", fused, None, both, trainer.seconds))
        for contender in contenders:
            results.setdefault(contender.name, []).append(examine(contender, asked))
        error = permutation_error(embedder(model, form.nested[-1]), asked.completion.shown)
        print(f"{name}, seed {seed}: {trainer.seconds:.0f} s; weight of {YARDSTICK} in the fusion {weight};")
        print(f"the tags in another order change no entry of a vector by more than {error:.1e}")
        print(table([results[contender.name][-1] for contender in contenders]))
    yardstick = 1 / ranks(edlae, check)
    draw_curves(logs, chosen.seeds, float(yardstick.mean()), name, chosen.out / f"{name.replace(' ', '_')}.svg")
    return results


def retrieval_table(results: list[Result]) -> str:
    """Mean average precision by hidden category, one contender a row."""
    parts = list(results[0].retrieval)
    lines = [["", *(part.removeprefix("category ") for part in parts)], ["---"] * (len(parts) + 1)]
    lines += [[result.name, *(f"{result.retrieval[part]['mAP']:.3f}" for part in parts)] for result in results]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


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


def write(path: Path, text: str) -> None:
    """Write a text file whole."""
    with open_whole(path) as file:
        file.write(text.encode())


if __name__ == "__main__":
    main()
