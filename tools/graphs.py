"""Draw the rule graph and the job graph of the sample: docs/rulegraph and docs/dag, each as .mmd (Mermaid) and .svg.

    python tools/graphs.py

The SVG needs Graphviz (`dot`). Its last line is the digest of the graph it shows, so that a test detects an outdated file
without Graphviz.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
GRAPHS = ("rulegraph", "dag")
TARGETS = ("all", "report")


def graph(name: str, form: str, folder: Path) -> str:
    """The rule graph or the job graph of the project in `folder`, with or without results, as dot or mermaid-js.

    Snakemake writes the edges in random order; they are sorted here.
    """
    command = [sys.executable, "-m", "snakemake", "--forceall", f"--{name}", form, "--", *TARGETS]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    snakemake = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    lines = snakemake.stdout[re.search(r"^(---|digraph)", snakemake.stdout, re.MULTILINE).start() :].splitlines()
    is_edge = [bool(re.search(r"\w --?> \w", line)) for line in lines]
    edges = iter(sorted((line for line, edge in zip(lines, is_edge, strict=True) if edge), key=_numbers))
    return "".join(f"{next(edges) if edge else line}\n" for line, edge in zip(lines, is_edge, strict=True))


def stamp(dot: str) -> str:
    """The last line of an SVG drawn from `dot`."""
    return f"<!-- drawn from {hashlib.sha256(dot.encode()).hexdigest()} -->\n"


def main() -> None:
    """Write all graphs."""
    if not shutil.which("dot"):
        sys.exit("dot is not installed: apt-get install graphviz")
    for name in GRAPHS:
        (ROOT / f"docs/{name}.mmd").write_text(graph(name, "mermaid-js", ROOT), "utf-8")
        dot = graph(name, "dot", ROOT)
        svg = subprocess.run(["dot", "-Tsvg"], input=dot, capture_output=True, check=True, text=True).stdout
        (ROOT / f"docs/{name}.svg").write_text(svg + stamp(dot), "utf-8")


def _numbers(line: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", line)]


if __name__ == "__main__":
    main()
