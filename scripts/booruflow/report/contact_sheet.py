"""The contact sheet: a sample of images with their captions and tags, as one self-contained HTML file."""

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import polars as pl

from booruflow.core.errors import Unreadable
from booruflow.core.idjson import decode_object, read_entries
from booruflow.report.page import write_page
from booruflow.report.thumbnails import Location, thumbnail

SAMPLE_SIZES = {"generated": 24, "fixed": 6, "bad": 6, "existing": 12}
"""Posts per caption source."""


def sample_captions(paths: Iterable[str | Path], count: int) -> list[tuple[int, str]]:
    """(id, text) of the `count` entries of files whose ids hash lowest, in id order: a few new posts change few of them."""
    rows = ((*row, path) for path in paths for frame in read_entries(path) for row in frame.iter_rows())
    sample = heapq.nsmallest(count, rows, key=lambda row: hashlib.sha256(b"%d" % row[0]).digest())
    return [(post, caption_text(path, post, value)) for post, value, path in sorted(sample)]


def caption_text(path: str | Path, post: int, value: str) -> str:
    """The caption of an entry, or the raw text of a bad one with its reason in front."""
    if "caption" in decode_object(path, post, value):
        return str(decode_object(path, post, value, "caption")["caption"])
    entry = decode_object(path, post, value, "reason", "text")
    return f"[{entry['reason']}] {entry['text']}"


def find_tags(path: str | Path, ids: Set[int]) -> dict[int, str]:
    """The tags of `ids`, from the tags JSON."""
    rows = _rows_of(read_entries(path), ids, ["id", "value"])
    return {row[0]: decode_object(path, *row, "tags")["tags"] for row in rows}


def _rows_of(frames: Iterable[pl.DataFrame], ids: Set[int], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    wanted = pl.Series("id", sorted(ids), pl.Int64).implode()
    for frame in frames:
        yield from frame.filter(pl.col("id").is_in(wanted)).select(columns).iter_rows()


def write_contact_sheet(
    path: str | Path,
    groups: Mapping[str, Sequence[tuple[int, str]]],
    tags: Mapping[int, str],
    locations: Mapping[int, Location],
) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        groups: heading -> (id, text) of its posts.
        tags: the tags of each post.
        locations: where each image is stored.
    """
    shown = [
        (heading, [{"id": post, "text": text, "tags": tags.get(post, ""), **_image(locations.get(post))} for post, text in posts])
        for heading, posts in groups.items()
    ]
    write_page(path, Path(__file__).with_name("contact_sheet.html"), {"groups": shown})


def _image(location: Location | None) -> dict[str, str]:
    if location is None:
        return {"image": "", "fault": "no image"}
    try:
        return {"image": thumbnail(location)}
    except Unreadable as error:
        return {"image": "", "fault": str(error)}
