"""What a month of new posts costs: build N synthetic posts, add new ones, change some of the old, and build again.

    python benchmarks/update.py --posts 500000 --new 20000 --markdown update.md

Prints the CPU seconds of each job in both runs, and its peak memory in the second, by Snakemake's `benchmark:` files, which miss
what a job does after the last of its samples, two a second; and the CPU seconds and the wall-clock seconds of both commands.
Captions are the existing ones: those that a model writes cost its time for the new and retagged posts, see docs/update.md.
"""

import argparse
import csv
import json
import resource
import sys
import tempfile
from pathlib import Path

import polars as pl
from chain import ROOT, Usage, configuration, machine_description, make_posts, measure, progress

TARGETS = ["all", "report"]
CHANGED_SHARE = {"retagged": 0.01, "rerated": 0.001, "gone": 0.0002}


def write_months(inputs: Path, posts: int, new: int) -> list[Path]:
    """The metadata before and after the month: two files."""
    make_posts(inputs, posts + new, shuffled=False, resolutions=False)
    after = pl.read_parquet(inputs / "metadata.parquet").sort("id")
    before = after.head(posts)
    draw = pl.int_range(pl.len()).shuffle(seed=1) / pl.len()
    edges = dict(zip(CHANGED_SHARE, pl.Series(CHANGED_SHARE.values()).cum_sum(), strict=True))
    after = after.with_columns(draw=draw).filter(~pl.col("draw").is_between(edges["rerated"], edges["gone"]))
    after = after.with_columns(
        tag_string_general=pl.when(pl.col("draw") < edges["retagged"])
        .then(pl.concat_str("tag_string_general", pl.lit(" a_new_tag")))
        .otherwise("tag_string_general"),
        rating=pl.when(pl.col("draw").is_between(edges["retagged"], edges["rerated"]))
        .then(pl.when(pl.col("rating") == "g").then(pl.lit("s")).otherwise(pl.lit("g")))
        .otherwise("rating"),
    ).drop("draw")
    files = [inputs / "before.parquet", inputs / "after.parquet"]
    for file, table in zip(files, (before, after), strict=True):
        table.write_parquet(file)
    return files


def run(work: Path, cores: int) -> tuple[dict[str, Usage], Usage, float]:
    """Run the workflow in a folder with its config.

    Returns: the usage of each rule that ran, that of the whole command, and its CPU seconds.
    """
    benchmarks = work / "results/benchmarks"
    before = {path: path.stat().st_mtime_ns for path in benchmarks.glob("*.tsv")}
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(work)]
    cpu_before = cpu_of_children()
    whole = measure([*command, "--workflow-profile", "none", "--cores", str(cores), *TARGETS], work / "snakemake.log")
    ran = [path for path in benchmarks.glob("*.tsv") if path.stat().st_mtime_ns != before.get(path)]
    return {path.stem: cpu_usage(path) for path in ran}, whole, cpu_of_children() - cpu_before


def cpu_of_children() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_usage(path: Path) -> Usage:
    """The CPU seconds and the peak memory of a job; a job too short to be sampled counts as 0."""
    with path.open(newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    seconds, memory = (float(row[name]) if row[name].replace(".", "").isdigit() else 0 for name in ("cpu_time", "max_rss"))
    return Usage(seconds, memory)


def table(runs: list[tuple[dict[str, Usage], Usage, float]]) -> str:
    """The jobs of both runs as a Markdown table."""
    (first, first_whole, first_cpu), (second, second_whole, second_cpu) = runs
    lines = ["| rule | first run, CPU s | after the month, CPU s | peak, MiB |", "|---|---:|---:|---:|"]
    for rule in sorted(first, key=lambda name: -first[name].seconds):
        cells = [f"{second[rule].seconds:.1f}", f"{second[rule].memory:,.0f}"] if rule in second else ["does not run", ""]
        lines.append(f"| {rule} | {first[rule].seconds:.1f} | {' | '.join(cells)} |")
    lines.append(f"| the whole command | {first_cpu:.1f} | {second_cpu:.1f} | {second_whole.memory:,.0f} |")
    lines.append(f"| the whole command, wall-clock s | {first_whole.seconds:.1f} | {second_whole.seconds:.1f} | |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure what a month of new posts costs.")
    parser.add_argument("--posts", type=int, default=500_000)
    parser.add_argument("--new", type=int, default=20_000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="a folder on a disk with enough room")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="update-", dir=options.work) as folder:
        work = Path(folder).resolve()
        progress("making the posts")
        months = write_months(work / "inputs", options.posts, options.new)
        runs = []
        for number, month in enumerate(months, 1):
            progress(f"run {number}")
            section = configuration(work / "inputs", resolutions=False)
            month.replace(work / "inputs/metadata.parquet").touch()  # newer than the products, as a downloaded file is
            section["inputs"]["metadata"] = [str(work / "inputs/metadata.parquet")]
            (work / "config.yaml").write_text(json.dumps(section))
            runs.append(run(work, options.cores))
        rows = table(runs)
        changes = " ".join((work / "results/changes/counts.json").read_text().split())
    text = f"{rows}\n\n{changes}\n\n{machine_description(options.work.resolve())}; `python {' '.join(sys.argv)}`\n"
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text)


if __name__ == "__main__":
    main()
