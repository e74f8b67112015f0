"""Evaluate a captioner on newly drawn images: with all tags in the prompt, without tags, and with wrong tags.

python benchmarks/demo_captioner.py sample/captioner
"""

import os

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from captioner_accuracy import Accuracy, contradicting_scene, count_followed, majority_baseline, score
from captioner_answers import generate_answers

from booruflow.core.files import open_whole
from booruflow.demo.drawing.image import draw
from booruflow.demo.grounding import Mode, grounding, prompt_with
from booruflow.demo.scene import SIZES, choose_scene

FIRST_SEED = 1_000_000


def main() -> None:
    """Parse the command line, evaluate, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captioner", type=Path, help="folder of the checkpoint")
    parser.add_argument("--images", type=int, default=300, help="number of images (default: %(default)s)")
    parser.add_argument("--square", action="store_true", help="square images only")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = measure(options.captioner, options.images, SIZES[0] if options.square else None)
    print(table(results["with tags"], results["without tags"], results["majority baseline"]))
    print("\nwith wrong tags the answer follows:")
    for name, counts in results["wrong tags"].items():
        print(f"  {name:16}" + ", ".join(f"{source} {count}" for source, count in counts.items()))
    if options.json:
        with open_whole(options.json) as file:
            file.write(json.dumps(results, indent=1, default=asdict).encode() + b"\n")


def measure(captioner: Path, count: int, size: tuple[int, int] | None) -> dict[str, dict[str, object]]:
    """All results of a captioner on `count` images, of one size or of all sizes."""
    scenes, images = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        rng = random.Random(seed)
        scenes.append(choose_scene(rng, size))
        images.append(draw(scenes[-1], rng))

    def answers(indices: Sequence[int], tags: Sequence[tuple[list[str], list[str]]]) -> list[str]:
        generated = generate_answers(captioner, [images[i] for i in indices], [prompt_with(*pair) for pair in tags])
        return [answer.text for answer in generated]

    results: dict[str, dict[str, object]] = {"majority baseline": dict(majority_baseline(scenes))}
    modes: dict[str, Mode] = {"with tags": "full", "without tags": "none"}
    for name, mode in modes.items():
        tags = [grounding(scene, random.Random(i), mode) for i, scene in enumerate(scenes)]
        outputs = answers(range(count), tags)
        results[name] = dict(score(outputs, scenes, [bool(names) for _, names in tags]))
    solo = [i for i, scene in enumerate(scenes) if len(scene.figures) == 1]
    wrong = [contradicting_scene(scenes[i], random.Random(i)) for i in solo]
    outputs = answers(solo, [grounding(scene, random.Random(i), "full") for i, scene in enumerate(wrong)])
    results["wrong tags"] = dict(count_followed(outputs, [scenes[i] for i in solo], wrong))
    return results


def table(*columns: Mapping[str, object]) -> str:
    """Percentages, one attribute per line."""
    lines = [f"{'':34}{'with tags':>12}{'without':>12}{'majority':>12}"]
    names = {name: None for column in columns for name in column}
    for name in sorted(names, key=lambda name: name.endswith(("solo", "pair"))):
        cells = [f"{s.percent:.1f}" if isinstance(s := column.get(name), Accuracy) else "" for column in columns]
        lines.append(f"{name:34}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
