"""meta_cap: the captions of all sources in one file; for an id in several sources, the last one counts."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson
import polars as pl

from booruflow.core.idjson import ENTRY_SCHEMA, find_entries, read_entries
from booruflow.core.streams import Stream, merged_latest

NO_CAPTION = '{"caption":""}'
"""Of a fixed file: a person wants the post to have no caption."""


def meta_cap_entries(base: str | Path, generated: Sequence[str | Path], label: str | None = None) -> Stream:
    """Merge base captions with those of good and fixed files, in this order: the later file replaces the earlier.

    Other members of good entries are dropped, and a post whose last caption is NO_CAPTION is left out. With `label`, progress in
    the base captions is shown.
    """
    for frame in merged_latest(caption_sources(base, generated, label)):
        yield frame if NO_CAPTION not in frame["value"] else frame.filter(pl.col("value") != NO_CAPTION)


def posts_of_tags_alone(fixed: Iterable[str | Path], tags: str | Path) -> pl.DataFrame:
    """The ids, ascending, of the posts that have NO_CAPTION in fixed files, and have tags."""
    frames = [frame.filter(pl.col("value") == NO_CAPTION) for path in fixed for frame in read_entries(path, member="caption")]
    ids = [post for frame in frames for post in frame["id"]]
    return pl.DataFrame({"id": sorted(find_entries(tags, ids))}, schema={"id": pl.Int64})


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
