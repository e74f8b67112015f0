"""A page of images beside their texts, for a person's eyes: one HTML file that needs no other."""

import base64
import hashlib
import heapq
import html
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import orjson
import polars as pl

from booruflow.core.errors import Unreadable
from booruflow.core.files import open_whole
from booruflow.sources.images.decoding import open_image
from booruflow.sources.images.reading import read_image

SIDE = 256
"""Pixels of a thumbnail's longer side, at the most."""


def drawn(entries: Iterable[pl.DataFrame], count: int) -> list[tuple[int, str]]:
    """`count` entries (id, JSON text), ascending: those whose ids hash lowest, so that a few new posts change few of them."""
    rows = (row for frame in entries for row in frame.select("id", "value").iter_rows())
    return sorted(heapq.nsmallest(count, rows, key=lambda row: hashlib.sha256(b"%d" % row[0]).digest()))


def text_of(value: str) -> str:
    """What an entry of good, bad, fixed or base captions says; a bad one with its reason in front."""
    entry: dict[str, str] = orjson.loads(value)
    return entry["caption"] if "caption" in entry else f"[{entry['reason']}] {entry['text']}"


def places_of(images: Iterable[pl.DataFrame], ids: set[int]) -> dict[int, tuple[str, int | None, int | None]]:
    """Where the images of `ids` lie: file, offset and size (see `booruflow.sources.images`)."""
    wanted = pl.Series("id", sorted(ids), pl.Int64).implode()
    found = (frame.filter(pl.col("id").is_in(wanted)).select("id", "file", "offset", "size") for frame in images)
    return {row[0]: row[1:] for frame in found for row in frame.iter_rows()}


def write_sheet(
    path: str | Path,
    groups: Mapping[str, Sequence[tuple[int, str]]],
    tags: Mapping[int, str],
    folder: str | Path,
    places: Mapping[int, tuple[str, int | None, int | None]],
) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        groups: heading -> (id, text) of its posts.
        tags: of each post, as one line.
        folder: of the images.
        places: of the images, see `places_of`.
    """
    with open_whole(path) as file:
        for part in _page(groups, tags, Path(folder), places):
            file.write(part.encode("utf-8", "replace"))


def _page(
    groups: Mapping[str, Sequence[tuple[int, str]]],
    tags: Mapping[int, str],
    folder: Path,
    places: Mapping[int, tuple[str, int | None, int | None]],
) -> Iterator[str]:
    yield _HEAD
    for heading, posts in groups.items():
        yield f"<h2>{html.escape(heading)}</h2>\n<div>\n" if posts else ""
        for post, text in posts:
            image = _thumbnail(folder, places[post]) if post in places else "<p>no image</p>"
            yield f"<figure>{image}<figcaption><b>{post}</b> {html.escape(text)}"
            yield f"<p>{html.escape(tags.get(post, ''))}</p></figcaption></figure>\n"
        yield "</div>\n" if posts else ""
    yield "</body></html>\n"


def _thumbnail(folder: Path, place: tuple[str, int | None, int | None]) -> str:
    try:
        image = open_image(read_image(folder, *place))
    except Unreadable as error:
        return f"<p>{html.escape(str(error))}</p>"
    image.thumbnail((SIDE, SIDE))
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
