"""Compare the workflow with a naive baseline, stage by stage, on the caption products of N synthetic posts.

    python benchmarks/chain.py --posts 500000 --markdown chain.md
    python benchmarks/chain.py --large 2000000 8000000 --markdown large.md

The first command makes the posts and then alternates between the workflow, through Snakemake, and the baseline: the stages of
`naive.py`, each in its own process. The second runs only the workflow on growing numbers of posts, as far as the disk
allows. Seconds and peak memory of the workflow's rules are those of Snakemake's `benchmark:` files; its total is the whole
command, including the start of Snakemake. All files are in a folder below --work that is removed at the end.
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

RULES = {
    "tags_json": ["posts", "tags_json"],
    "base_captions": ["base_captions"],
    "missing": ["missing"],
    "shards": ["images", "shards"],
    "meta_cap": ["meta_cap"],
    "meta_lat": ["kohya_resolutions", "resolutions", "meta_lat"],
    "caption_tars": ["captions_tars"],
}
"""The stages of `naive.py` in order, and the rules that do the same work."""

SHARDS = 4

BYTES_PER_POST = 9_300
"""Disk space of inputs and products, measured at 500,000 posts; spools are removed before the largest products are written."""

BYTES_PER_RESOLUTION = 2_000
"""Disk space of an entry of an existing meta_lat.json."""

LAUNCHER = """
import pathlib, resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""
"""Starts a command from a small process: the kernel counts the memory of the starting process as that of the command."""

POOLED = ("tags_json", "base_captions")
"""The stages of `naive.py` that process rows with a thread pool."""


@dataclass(frozen=True)
class Usage:
    """Wall-clock seconds, and the peak resident memory of any one process in MiB."""

    seconds: float
    memory: float


def configuration(inputs: Path, resolutions: bool) -> dict[str, object]:
    """The config of the workflow for these inputs; other keys have their defaults."""
    source = {
        "files": [str(inputs / "captions.parquet")],
        "id": "index",
        "columns": ["phi3v_horny", "pixtral_caption", "florence_short", "florence_long"],
    }
    return {
        "inputs": {
            "metadata": [str(inputs / "metadata.parquet")],
            "captions": [source],
            "images": "",
            "resolutions": str(inputs / "meta_lat.json") if resolutions else "",
        },
        "captions": {"generate": False, "shards": SHARDS},
        "meta_lat": {"folder": "/data/images"},
        "subsets": {},
    }


def targets(results: str) -> list[str]:
    """The products that both make."""
    shards = [f"missing/split_{n}.json" for n in range(SHARDS)]
    products = ["tags/meta_cap_dd.json", "captions/meta_cap_base.json", "missing/missing.json", *shards]
    products += ["meta_cap.json", "meta_lat.json", "tars/captions/0000.tar"]
    return [f"{results}/{product}" for product in products]


def measure(command: list[str], log: Path) -> Usage:
    """Run a command to its end, with its output in `log`; the peak memory includes its child processes.

    Raises:
        SystemExit: the command failed.
    """
    start = time.monotonic()
    peak = log.with_name(f"{log.name}.peak")
    with log.open("wb") as output:
        status = subprocess.call([sys.executable, "-c", LAUNCHER, str(peak), *command], stdout=output, stderr=output)
    if status:
        text = log.read_text(errors="replace")
        raise SystemExit(f"{' '.join(command[:4])} ...: exit status {status}\n{text[-3000:]}")
    return Usage(time.monotonic() - start, int(peak.read_text()) / 1024)


def make_posts(folder: Path, posts: int, shuffled: bool, resolutions: bool, favourites: bool = False) -> Usage:
    """Run `synthetic.py`."""
    options = ["--shuffled"] * shuffled + ["--resolutions", "indented"] * resolutions + ["--favourites"] * favourites
    command = [sys.executable, str(ROOT / "benchmarks/synthetic.py"), str(folder), "--posts", str(posts), *options]
    return measure(command, folder.parent / "synthetic.log")


def run_workflow(work: Path, inputs: Path, resolutions: bool, cores: int, **sections: object) -> tuple[dict[str, Usage], Usage]:
    """Run the workflow in an empty folder, perhaps with further config sections; return the usage of each rule and of all."""
    work.mkdir()
    (work / "config.yaml").write_text(json.dumps(configuration(inputs, resolutions) | sections))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(work)]
    command += ["--workflow-profile", "none", "--cores", str(cores), *targets("results")]
    whole = measure(command, work / "snakemake.log")
    return {path.stem: rule_usage(path) for path in (work / "results/benchmarks").glob("*.tsv")}, whole


def rule_usage(path: Path) -> Usage:
    """Read one of Snakemake's benchmark files; the memory of a rule too short to be sampled counts as 0."""
    with path.open(newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    memory = row["max_rss"]
    return Usage(float(row["s"]), float(memory) if memory.replace(".", "").isdigit() else 0)


def stage_usage(rules: dict[str, Usage], stage: str) -> Usage:
    """The total seconds and the greatest memory of the rules of a stage."""
    usages = [rules[name] for name in RULES[stage] if name in rules]
    return Usage(sum(usage.seconds for usage in usages), max((usage.memory for usage in usages), default=0))


def run_naive(work: Path, inputs: Path, resolutions: bool) -> tuple[dict[str, Usage], dict[str, Usage]]:
    """Run the baseline in an empty folder; return the usage of each stage, and of the pooled stages with a simple loop."""
    work.mkdir()
    command = [sys.executable, str(ROOT / "benchmarks/naive.py"), "--results", str(work)]
    command += ["--metadata", str(inputs / "metadata.parquet"), "--captions", str(inputs / "captions.parquet")]
    command += ["--resolutions", str(inputs / "meta_lat.json")] * resolutions
    looped = {stage: measure([*command, "--threads", "1", stage], work / "naive.log") for stage in POOLED}
    return {stage: measure([*command, stage], work / "naive.log") for stage in RULES}, looped


def median_usage(runs: list[Usage]) -> Usage:
    """The median of the seconds and the greatest memory."""
    return Usage(statistics.median(run.seconds for run in runs), max(run.memory for run in runs))


def compare(work: Path, posts: int, repeats: int, shuffled: bool, resolutions: bool, cores: int) -> str:
    """Alternate between the workflow and the baseline; return a Markdown table.

    Each repeat has its own folders, removed at the end: ext4 is slow to create files where thousands have just been deleted.
    """
    inputs = work / "inputs"
    progress(f"making {posts:,} posts")
    make_posts(inputs, posts, shuffled, resolutions)
    workflow: list[dict[str, Usage]] = []
    baseline: list[dict[str, Usage]] = []
    looped: list[dict[str, Usage]] = []
    whole: list[Usage] = []
    for repeat in range(1, repeats + 1):
        progress(f"repeat {repeat} of {repeats}: workflow")
        rules, command = run_workflow(work / f"workflow-{repeat}", inputs, resolutions, cores)
        workflow.append({stage: stage_usage(rules, stage) for stage in RULES})
        whole.append(command)
        progress(f"repeat {repeat} of {repeats}: baseline")
        stages, loops = run_naive(work / f"naive-{repeat}", inputs, resolutions)
        baseline.append(stages)
        looped.append(stages | loops)
    lines = [
        "| stage | workflow, s | posts/s | peak, MiB | baseline, s | posts/s | peak, MiB | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for stage in RULES:
        lines.append(
            table_row(
                stage,
                posts,
                median_usage([run[stage] for run in workflow]),
                median_usage([run[stage] for run in baseline]),
            )
        )
    total = median_usage(whole)
    loop = median_usage([total_usage(run) for run in looped])
    lines.append(table_row("whole chain", posts, total, median_usage([total_usage(run) for run in baseline])))
    lines.append("")
    lines.append(
        f"With a simple loop over the rows instead of a thread pool, the baseline takes {loop.seconds:.1f} s "
        f"({loop.seconds / total.seconds:.1f} times the workflow). {conditions(posts, repeats, shuffled, resolutions)}"
    )
    return "\n".join(lines)


def total_usage(stages: dict[str, Usage]) -> Usage:
    """The total seconds and the greatest memory of all stages."""
    return Usage(sum(stages[stage].seconds for stage in RULES), max(stages[stage].memory for stage in RULES))


def table_row(name: str, posts: int, workflow: Usage, baseline: Usage) -> str:
    """A row of the table of `compare`."""
    cells = [name]
    for usage in (workflow, baseline):
        cells += [f"{usage.seconds:.1f}", f"{posts / max(usage.seconds, 1e-3):,.0f}", f"{usage.memory:,.0f}"]
    return "| " + " | ".join([*cells, f"{baseline.seconds / max(workflow.seconds, 1e-3):.1f}"]) + " |"


def conditions(posts: int, repeats: int, shuffled: bool, resolutions: bool) -> str:
    """The conditions of the measurement as a sentence."""
    order = "shuffled" if shuffled else "ascending by id"
    source = "an existing indented meta_lat.json" if resolutions else "the bucket rule"
    return f"{posts:,} synthetic posts, rows {order}, resolutions by {source}; median of {repeats}, alternating."


def grow(work: Path, sizes: list[int], shuffled: bool, resolutions: bool, cores: int) -> str:
    """Run only the workflow on growing numbers of posts, as a Markdown table; sizes that do not fit on the disk are skipped."""
    headers = " | ".join(f"{stage}, s / MiB" for stage in RULES)
    lines = [f"| posts | whole, s | posts/s | peak of any process, MiB | {headers} |", "|" + "---|" * (4 + len(RULES))]
    for posts in sizes:
        needed, free = posts * (BYTES_PER_POST + resolutions * BYTES_PER_RESOLUTION), shutil.disk_usage(work).free
        if needed > free:
            progress(f"{posts:,} posts need about {needed / 1e9:.0f} GB below {work}, {free / 1e9:.0f} GB are free: skipped")
            continue
        progress(f"making {posts:,} posts")
        usage = make_posts(work / "inputs", posts, shuffled, resolutions)
        progress(f"done in {usage.seconds:.0f} s; running the workflow")
        rules, whole = run_workflow(work / "workflow", work / "inputs", resolutions, cores)
        stages = [stage_usage(rules, stage) for stage in RULES]
        cells = [f"{posts:,}", f"{whole.seconds:.0f}", f"{posts / whole.seconds:,.0f}"]
        cells.append(f"{max([whole.memory, *(usage.memory for usage in rules.values())]):,.0f}")
        cells += [f"{usage.seconds:.0f} / {usage.memory:,.0f}" for usage in stages]
        lines.append("| " + " | ".join(cells) + " |")
        used = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
        progress(f"{posts:,} posts: {whole.seconds:.0f} s, {used / posts:,.0f} bytes a post on disk at the end")
        shutil.rmtree(work / "inputs")
        shutil.rmtree(work / "workflow")
    return "\n".join(lines)


def machine_description(work: Path) -> str:
    """The machine in one line."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "unknown processor",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    kind = max((mount for mount in mounts if work.is_relative_to(mount[0])), key=lambda mount: len(mount[0]))[1]
    disk = shutil.disk_usage(work).total / 1e9
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB memory, {disk:.0f} GB disk ({kind}), Python {sys.version.split()[0]}"
    )


def progress(text: str) -> None:
    """Print a line with the time on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare the workflow with a naive baseline, stage by stage.")
    parser.add_argument("--posts", type=int, default=500_000)
    parser.add_argument("--large", type=int, nargs="+", metavar="POSTS", help="run only the workflow, at these sizes")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each; medians are printed")
    parser.add_argument("--shuffled", action="store_true", help="inputs in random order")
    parser.add_argument("--resolutions", action="store_true", help="resolutions from an existing meta_lat.json")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="a folder on a disk with enough room")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chain-", dir=options.work) as folder:
        work = Path(folder).resolve()
        if options.large:
            table = grow(work, options.large, options.shuffled, options.resolutions, options.cores)
        else:
            table = compare(work, options.posts, options.repeats, options.shuffled, options.resolutions, options.cores)
        text = f"{table}\n\n{machine_description(work)}; `python {' '.join(sys.argv)}`\n"
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text)


if __name__ == "__main__":
    main()
