"""meta_cap: the captions of all sources in one file; for an id in several sources, the last one counts."""

from collections.abc import Sequence
from pathlib import Path

from booruflow.core.idjson import read_entries
from booruflow.core.streams import Stream, merged_latest


def meta_cap_entries(base: str | Path, generated: Sequence[str | Path], label: str | None = None) -> Stream:
    """Merge base captions with those of good and fixed files, in this order: the later file replaces the earlier.

    Other members of good entries are dropped. With `label`, progress in the base captions is shown.
    """
    return merged_latest(caption_sources(base, generated, label))


def caption_sources(base: str | Path, generated: Sequence[str | Path], label: str | None = None) -> list[Stream]:
    """Entries `{"caption": ...}` of each file."""
    return [read_entries(base, label, "caption"), *(read_entries(path, member="caption") for path in generated)]
