"""The contact sheet: a sample of images with their captions and tags, as one self-contained HTML file."""

import base64
import hashlib
import heapq
import html
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from booruflow.core.errors import Unreadable
from booruflow.core.files import open_whole
from booruflow.core.idjson import decode_object, read_entries
from booruflow.sources.images.decoding import open_image
from booruflow.sources.images.listing import IMAGE_PATH
from booruflow.sources.images.reading import read_image

SAMPLE_SIZES = {"generated": 24, "fixed": 6, "bad": 6, "existing": 12}
"""Posts per caption source."""

THUMBNAIL_SIDE = 256
"""Maximum width and height of a thumbnail in pixels."""

Location: TypeAlias = tuple[str, int | None, int | None]
"""Path, offset and size of an image, see `booruflow.sources.images.reading`."""


def sample_captions(paths: Iterable[str | Path], count: int) -> list[tuple[int, str]]:
    """(id, text) of the `count` entries of files whose ids hash lowest, in id order: a few new posts change few of them."""
    rows = ((*row, path) for path in paths for frame in read_entries(path) for row in frame.iter_rows())
    sample = heapq.nsmallest(count, rows, key=lambda row: hashlib.sha256(b"%d" % row[0]).digest())
    return [(post, caption_text(path, post, value)) for post, value, path in sorted(sample)]


def caption_text(path: str | Path, post: int, value: str) -> str:
    """The caption of an entry, "[tags only]" if a person wants none, or the raw text of a bad one with its reason in front."""
    if "caption" in decode_object(path, post, value):
        return str(decode_object(path, post, value, "caption")["caption"]) or "[tags only]"
    entry = decode_object(path, post, value, "reason", "text")
    return f"[{entry['reason']}] {entry['text']}"


def find_tags(path: str | Path, ids: Set[int]) -> dict[int, str]:
    """The tags of `ids`, from the tags JSON."""
    rows = _rows_of(read_entries(path), ids, ["id", "value"])
    return {row[0]: decode_object(path, *row, "tags")["tags"] for row in rows}


def find_images(images: Iterable[pl.DataFrame], ids: Set[int]) -> dict[int, Location]:
    """Where the images of `ids` are stored."""
    return {row[0]: row[1:] for row in _rows_of(images, ids, ["id", IMAGE_PATH, "offset", "size"])}


def _rows_of(frames: Iterable[pl.DataFrame], ids: Set[int], columns: Sequence[str | pl.Expr]) -> Iterator[tuple[Any, ...]]:
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
    with open_whole(path) as file:
        for part in _page(groups, tags, locations):
            file.write(part.encode("utf-8", "replace"))


def _page(
    groups: Mapping[str, Sequence[tuple[int, str]]], tags: Mapping[int, str], locations: Mapping[int, Location]
) -> Iterator[str]:
    yield _HEAD
    for heading, posts in groups.items():
        yield f"<h2>{html.escape(heading)}</h2>\n<div>\n" if posts else ""
        for post, text in posts:
            image = _thumbnail(locations[post]) if post in locations else "<p>no image</p>"
            yield f"<figure>{image}<figcaption><b>{post}</b> {html.escape(text)}"
            yield f"<p>{html.escape(tags.get(post, ''))}</p></figcaption></figure>\n"
        yield "</div>\n" if posts else ""
    yield "</body></html>\n"


def _thumbnail(location: Location) -> str:
    try:
        image = open_image(read_image(*location))
    except Unreadable as error:
        return f"<p>{html.escape(str(error))}</p>"
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    data = io.BytesIO()
    image.save(data, "webp", quality=80)
    return f'<img alt="" src="data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}">'


_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Images and captions</title>
<style>
body { font: 14px/1.4 sans-serif; margin: 1em; color: #222; background: #fff }
div { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 12px }
figure { margin: 0; padding: 8px; background: #f4f4f4; border-radius: 4px; overflow-wrap: anywhere }
img { display: block; margin: 0 auto 6px; max-width: 100% }
figcaption { white-space: pre-wrap }
figcaption p { color: #777; font-size: 12px; margin: 6px 0 0 }
</style></head><body>
<h1>Images and captions</h1>
"""
