"""meta_cap: the captions of all sources in one file; for an id in several sources, the last one counts."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import polars as pl

from booruflow.core.idjson import ENTRY_SCHEMA, read_entries
from booruflow.core.streams import Stream, merged_latest


def meta_cap_entries(base: str | Path, generated: Sequence[str | Path], label: str | None = None) -> Stream:
    """Merge base captions with those of good and fixed files, in this order: the later file replaces the earlier.

    Other members of good entries are dropped. With `label`, progress in the base captions is shown.
    """
    return merged_latest(caption_sources(base, generated, label))


def named_captions(path: str | Path, name: str) -> Stream:
    """Entries `{"caption": ...}` of the captions that good entries have under a name; entries without it are left out."""
    if name == "caption":
        yield from read_entries(path, member=name)
        return
    for frame in read_entries(path):
        found = [(id_, entry[name]) for id_, value in frame.iter_rows() if name in (entry := orjson.loads(value))]
        rows = [(id_, orjson.dumps({"caption": caption}).decode()) for id_, caption in found]
        yield pl.DataFrame(rows, schema=ENTRY_SCHEMA, orient="row")


def caption_sources(base: str | Path, generated: Sequence[str | Path], label: str | None = None) -> list[Stream]:
    """Entries `{"caption": ...}` of each file."""
    return [read_entries(base, label, "caption"), *(read_entries(path, member="caption") for path in generated)]
