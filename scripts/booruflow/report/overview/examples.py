"""Examples of the report: images beside their captions and tags, a few of each source."""

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from booruflow.core.errors import Unreadable
from booruflow.core.idjson import decode_object, read_entries
from booruflow.report.thumbnails import Location, thumbnail

SAMPLE_SIZES = {"generated": 24, "edited": 6, "bad": 6, "existing": 12}
"""Posts shown of each source of captions; where a source has fewer, others show more."""
SHOWN = sum(SAMPLE_SIZES.values())
"""The most that a page holds, whatever the number of posts."""


def sample_captions(paths: Iterable[str | Path], count: int) -> list[tuple[int, str]]:
    """(id, text) of the `count` entries of files whose ids hash lowest, in id order: a few new posts change few of them."""
    rows = ((*row, path) for path in paths for frame in read_entries(path) for row in frame.iter_rows())
    sample = heapq.nsmallest(count, rows, key=_order)
    return [(post, caption_text(path, post, value)) for post, value, path in sorted(sample)]


def shared_out(samples: Mapping[str, Sequence[tuple[int, str]]]) -> dict[str, list[tuple[int, str]]]:
    """Of samples with up to SHOWN posts of each source those that are shown, together SHOWN if there are as many."""
    sizes = {source: min(len(samples[source]), size) for source, size in SAMPLE_SIZES.items()}
    for source, posts in samples.items():
        sizes[source] += min(SHOWN - sum(sizes.values()), len(posts) - sizes[source])
    return {source: sorted(heapq.nsmallest(sizes[source], posts, key=_order)) for source, posts in samples.items()}


def _order(row: tuple[Any, ...]) -> bytes:
    return hashlib.sha256(b"%d" % row[0]).digest()


def caption_text(path: str | Path, post: int, value: str) -> str:
    """The caption of an entry, "[tags only]" if a person wants none, or the raw text of a bad one with its reason in front."""
    if "caption" in decode_object(path, post, value):
        return str(decode_object(path, post, value, "caption")["caption"]) or "[tags only]"
    entry = decode_object(path, post, value, "reason", "text")
    return f"[{entry['reason']}] {entry['text']}"


def find_texts(path: str | Path, ids: Set[int], member: str) -> dict[int, str]:
    """The texts of `ids`, from the tags JSON (member `tags`) or from captions (`caption`)."""
    wanted = pl.Series("id", sorted(ids), pl.Int64).implode()
    rows = (row for frame in read_entries(path) for row in frame.filter(pl.col("id").is_in(wanted)).iter_rows())
    return {row[0]: decode_object(path, *row, member)[member] for row in rows}


@dataclass(frozen=True)
class Example:
    """A post as the page shows it; `image` is a data URI, or empty where `fault` says why there is none."""

    id: int
    text: str
    tags: str
    image: str
    fault: str


def examples(posts: Sequence[tuple[int, str]], tags: Mapping[int, str], locations: Mapping[int, Location]) -> Iterator[Example]:
    """The examples of (id, text), one after the other."""
    for post, text in posts:
        image, fault = "", "no image"
        if post in locations:
            try:
                image, fault = thumbnail(locations[post]), ""
            except Unreadable as error:
                fault = str(error)
        yield Example(post, text, tags.get(post, ""), image, fault)
