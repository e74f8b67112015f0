"""The summary on the console at the end of a run. Loaded by Snakemake's own process, so it imports no data libraries."""

import json
from pathlib import Path


def print_summary(manifest: str | Path) -> None:
    """Print the counts in a manifest; nothing when there is none, as after building a single target."""
    path = Path(manifest)
    if not path.exists():
        return
    summary: dict[str, int] = json.loads(path.read_bytes())["summary"]
    width = max(map(len, summary))
    lines = [f"  {name.replace('_', ' '):{width}}  {count:>12,}" for name, count in summary.items()]
    print("\n".join([f"Data set in {path.parent}/", *lines]))
