"""Compare the chain with and without a tag policy and several texts an image, and show its memory on growing numbers of posts.

    python benchmarks/tag_policy.py --posts 500000 --repeats 3
    python benchmarks/tag_policy.py --rule 100000 500000 2000000

The first command alternates between the chain of `chain.py` as it is by default and with a policy and three variants: 200
patterns, 40,000 aliases, quality, year and rating words; the second runs only the rules posts, tag_policy, tags_json, meta_cap
and texts with them, on growing numbers of posts.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from chain import ROOT, Usage, configuration, machine_description, make_posts, measure, progress, rule_usage, run_workflow

SHIPPED = ["booru-noise", "noobai"]
PATTERNS = 200
VARIANTS = [
    {"template": "{tags}"},
    {"template": "{caption}"},
    {"template": "{people}, {characters} ({copyrights}), by {artist}. {caption}"},
]


def policy(inputs: Path, patterns: int = PATTERNS) -> dict[str, object]:
    """The config section `tags`: shipped policies, and invented patterns of all forms."""
    shipped = (ROOT / "policies/booru-noise.yaml").read_text("utf-8").count("\n  - ")
    forms = ("*_(word{})", "word{}_*", "meta:*word{}*x", "general:*_word{}_*")
    drop = [forms[number % len(forms)].format(number) for number in range(patterns - shipped)]
    return {"policies": SHIPPED, "drop": drop, "aliases": [str(inputs / "aliases.csv")]}


def compare(work: Path, posts: int, repeats: int, cores: int) -> str:
    """Alternate between the chain without and with a policy; return a Markdown table."""
    inputs = work / "inputs"
    progress(f"making {posts:,} posts")
    make_posts(inputs, posts, shuffled=False, resolutions=False, favourites=True)
    texts = {"text": {"variants": VARIANTS}}
    whole: dict[bool, list[Usage]] = {False: [], True: []}
    rules: dict[bool, list[dict[str, Usage]]] = {False: [], True: []}
    cpu: dict[bool, list[float]] = {False: [], True: []}
    for repeat in range(1, repeats + 1):
        for with_policy, usages in whole.items():
            progress(f"repeat {repeat} of {repeats}: {'with' if with_policy else 'without'} a policy and variants")
            folder, before = work / "workflow", os.times()
            sections = {"tags": policy(inputs), **texts} if with_policy else {}
            of_rules, of_all = run_workflow(folder, inputs, False, cores, **sections)
            after = os.times()
            usages.append(of_all)
            rules[with_policy].append(of_rules)
            cpu[with_policy].append(after.children_user + after.children_system - before.children_user - before.children_system)
            progress(f"{of_all.seconds:.0f} s, {cpu[with_policy][-1]:.1f} s of CPU time")
            shutil.rmtree(folder)
    lines = ["| | by default | with policy and variants | ratio |", "|---|---|---|---|"]
    for rule in ("posts", "tag_policy", "tags_json", "meta_cap", "texts", "meta_lat", "captions_tars"):
        seconds = [statistics.median(run[rule].seconds if rule in run else 0 for run in rules[kind]) for kind in whole]
        lines.append(_row(f"{rule}, s", *seconds))
    lines.append(_row("whole chain, s", *(statistics.median(usage.seconds for usage in whole[kind]) for kind in whole)))
    lines.append(_row("whole chain, CPU s", *(statistics.median(cpu[kind]) for kind in whole)))
    lines.append(_row("peak of any process, MiB", *(max(usage.memory for usage in whole[kind]) for kind in whole)))
    return "\n".join(lines) + f"\n\n{posts:,} synthetic posts, {cores} cores; medians of {repeats}, alternating."


def _row(name: str, without: float, with_one: float) -> str:
    ratio = f"{with_one / without:.2f}" if without else ""
    return f"| {name} | {without:,.1f} | {with_one:,.1f} | {ratio} |"


def grow(work: Path, sizes: list[int], cores: int) -> str:
    """Run the rules of tags on growing numbers of posts; return a Markdown table of seconds and memory."""
    lines = ["| posts | posts, s / MiB | tag_policy, s / MiB | tags_json, s / MiB |", "|---|---|---|---|"]
    for posts in sizes:
        progress(f"making {posts:,} posts")
        inputs, folder = work / "inputs", work / "workflow"
        make_posts(inputs, posts, shuffled=False, resolutions=False, favourites=True)
        (inputs / "captions.parquet").unlink()
        folder.mkdir()
        config = configuration(inputs, False) | {"tags": policy(inputs)}
        config["inputs"] = {**config["inputs"], "captions": []}  # type: ignore[dict-item]
        (folder / "config.yaml").write_text(json.dumps(config))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
        measure([*command, "--workflow-profile", "none", "--cores", str(cores), "tags_json"], folder / "snakemake.log")
        usages = [rule_usage(folder / f"results/benchmarks/{rule}.tsv") for rule in ("posts", "tag_policy", "tags_json")]
        lines.append(f"| {posts:,} | " + " | ".join(f"{usage.seconds:.1f} / {usage.memory:,.0f}" for usage in usages) + " |")
        progress(lines[-1])
        shutil.rmtree(inputs)
        shutil.rmtree(folder)
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare the chain with and without a tag policy.")
    parser.add_argument("--posts", type=int, default=500_000)
    parser.add_argument("--rule", type=int, nargs="+", metavar="POSTS", help="run only the rules of tags, at these sizes")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each; medians are printed")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="a folder on a disk with enough room")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="policy-", dir=options.work) as name:
        work = Path(name).resolve()
        table = (
            grow(work, options.rule, options.cores)
            if options.rule
            else compare(work, options.posts, options.repeats, options.cores)
        )
        print(f"{table}\n\n{machine_description(work)}; `python {' '.join(sys.argv)}`")


if __name__ == "__main__":
    main()
