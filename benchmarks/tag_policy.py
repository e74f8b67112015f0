"""Compare the chain with and without a tag policy and several texts an image, and show its memory on growing numbers of posts.

    python benchmarks/tag_policy.py --posts 500000 --repeats 3
    python benchmarks/tag_policy.py --large 500000 2000000

The first command alternates between the chain of `chain.py` as it is by default and with a policy and three variants: 200
patterns, 40,000 aliases, quality, year and rating words; the second runs only the chain with them, on growing numbers of posts.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from chain import ROOT, Usage, machine_description, make_posts, progress, run_workflow

RULES = ("posts", "tag_policy", "tags_json", "meta_cap", "meta_lat", "captions_tars")
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


def with_all(inputs: Path) -> dict[str, object]:
    """The config sections of policy and variants."""
    return {"tags": policy(inputs), "text": {"variants": VARIANTS}}


def compare(work: Path, posts: int, repeats: int, cores: int) -> str:
    """Alternate between the chain without and with a policy; return a Markdown table."""
    inputs = work / "inputs"
    progress(f"making {posts:,} posts")
    make_posts(inputs, posts, shuffled=False, resolutions=False, favourites=True)
    whole: dict[bool, list[Usage]] = {False: [], True: []}
    rules: dict[bool, list[dict[str, Usage]]] = {False: [], True: []}
    cpu: dict[bool, list[float]] = {False: [], True: []}
    for repeat in range(1, repeats + 1):
        for with_policy, usages in whole.items():
            progress(f"repeat {repeat} of {repeats}: {'with' if with_policy else 'without'} a policy and variants")
            # removed at the end: ext4 is slow to create files where thousands have just been deleted
            folder, before = work / f"workflow-{repeat}-{with_policy}", os.times()
            sections = with_all(inputs) if with_policy else {}
            of_rules, of_all = run_workflow(folder, inputs, False, cores, **sections)
            after = os.times()
            usages.append(of_all)
            rules[with_policy].append(of_rules)
            cpu[with_policy].append(after.children_user + after.children_system - before.children_user - before.children_system)
            progress(f"{of_all.seconds:.0f} s, {cpu[with_policy][-1]:.1f} s of CPU time")
    lines = ["| | by default | with policy and variants | ratio |", "|---|---|---|---|"]
    for rule in RULES:
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
    """Run the chain with policy and variants on growing numbers of posts; return a Markdown table of seconds and memory."""
    lines = ["| posts | whole, s | " + " | ".join(f"{rule}, s / MiB" for rule in RULES) + " |", "|---|---|" + "---|" * len(RULES)]
    for posts in sizes:
        progress(f"making {posts:,} posts")
        inputs = work / "inputs"
        make_posts(inputs, posts, shuffled=False, resolutions=False, favourites=True)
        rules, whole = run_workflow(work / "workflow", inputs, False, cores, **with_all(inputs))
        cells = [f"{rules[rule].seconds:.1f} / {rules[rule].memory:,.0f}" for rule in RULES]
        lines.append(f"| {posts:,} | {whole.seconds:.0f} | " + " | ".join(cells) + " |")
        progress(lines[-1])
        shutil.rmtree(inputs)
        shutil.rmtree(work / "workflow")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare the chain with and without a tag policy.")
    parser.add_argument("--posts", type=int, default=500_000)
    parser.add_argument("--large", type=int, nargs="+", metavar="POSTS", help="run only the chain with all, at these sizes")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each; medians are printed")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="a folder on a disk with enough room")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="policy-", dir=options.work) as name:
        work = Path(name).resolve()
        table = (
            grow(work, options.large, options.cores)
            if options.large
            else compare(work, options.posts, options.repeats, options.cores)
        )
        print(f"{table}\n\n{machine_description(work)}; `python {' '.join(sys.argv)}`")


if __name__ == "__main__":
    main()
