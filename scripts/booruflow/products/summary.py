"""The summary on the console at the end of a run. Loaded by Snakemake's own process, so it imports no data libraries."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from booruflow.core.errors import UserError
from booruflow.core.files import open_input


def read_manifest(path: str | Path) -> dict[str, Any]:
    """A manifest: `summary`, the counts by name, and `artifacts` with `size` and `sha256` by path below its folder.

    Raises:
        UserError: it is missing or damaged.
    """
    with open_input(path) as file, suppress(ValueError, TypeError, KeyError, AttributeError):
        manifest: dict[str, Any] = json.loads(file.read())
        summary, artifacts = manifest["summary"], manifest["artifacts"]
        if all(isinstance(count, int) for count in summary.values()) and all(
            isinstance(entry["size"], int) and isinstance(entry["sha256"], str) for entry in artifacts.values()
        ):
            return manifest
    raise UserError(f"{path}: damaged: run `snakemake`, which builds it again")


def print_summary(path: str | Path) -> None:
    """Print the counts in a manifest."""
    summary: dict[str, int] = read_manifest(path)["summary"]
    width = max(map(len, summary))
    lines = [f"  {name.replace('_', ' '):{width}}  {count:>12,}" for name, count in summary.items()]
    print("\n".join([f"Data set in {Path(path).parent}/", *lines]))
