"""The table of all parts, and the machine that it is of."""

import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby

from gpu_parts.measure import Row


def table(results: Mapping[str, list[Row]]) -> str:
    """Markdown: for each part a table of the rows that have the same columns, one after another."""
    text = []
    for part, rows in results.items():
        text.append(f"## {part}\n")
        for columns, group in groupby(rows, key=tuple):
            text += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
            text += [f"| {' | '.join(shown(row[column]) for column in columns)} |" for row in group]
            text.append("")
    return "\n".join(text)


def shown(value: object) -> str:
    """A cell of the table."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "/").replace("\n", " ")


def machine() -> Row:
    """GPU, driver and versions."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        gpu = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        gpu = "none"
    versions = {}
    for package in ("torch", "transformers", "accelerate", "polars", "xgrammar", "tipo-kgen", "nvidia-ml-py"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {"case": "machine", "GPU": gpu, "Python": sys.version.split()[0], **versions}
