"""The named parts of texts: a column each, one line of text or null where a post has none."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from booruflow.core.idjson import decode_json_text, member_json_text, read_entries
from booruflow.core.streams import Stream, aligned
from booruflow.core.tables import read_stream
from booruflow.core.whitespace import one_line
from booruflow.sources.ratings import LETTER_OF
from booruflow.sources.tags import apart, trained_tag_line
from booruflow.tags.tags import tags_line
from booruflow.texts.templates import PARTS, TEXTS

RATING_WORDS = {letter: word for word, letter in LETTER_OF.items() if word != "safe"}

COLUMNS = {
    "people": "people",
    "artist": "artist",
    "characters": "character",
    "copyrights": "copyright",
    "general": "general",
    "meta": "meta",
    "rating": "rating",
    "year": "year",
    "quality": "quality",
    "size": "size",
}
"""The column of tags.parquet that each part is; the rating is one of posts.parquet where the policy has no words for it."""

CATEGORIES = {part: COLUMNS[part] for part in ("artist", "characters", "copyrights", "general", "meta")}
"""The parts that a post has without a tag policy, and their columns of posts.parquet; the rating is one too."""


def read_part_rows(
    posts: str,
    tags: str | None,
    entries: Sequence[tuple[str, str, str]],
    line: Mapping[str, Any],
    parts: Collection[str] = PARTS,
) -> Stream:
    """`part_rows` of posts.parquet, tags.parquet and files keyed by id.

    `entries` has the name of a part, its member and its file for the captions and all other parts that are files; without one for
    `tags` these are made as the tags JSON has them. The others are as in `read_post_parts`.
    """
    streams = [(name, member, read_entries(path, member=member)) for name, member, path in entries]
    needed = {*TEXTS, *parts} - {name for name, *_ in entries}
    return part_rows(read_post_parts(posts, tags, line, needed), streams)


def read_post_parts(posts: str, tags: str | None, line: Mapping[str, Any], parts: Collection[str] = PARTS) -> Stream:
    """`post_parts` of posts.parquet and tags.parquet, of which only the columns of the parts are read."""
    names = [COLUMNS[part] for part in COLUMNS if part in parts]
    names += [name for name in line["order"] if name != "divider" and "tags" in parts]
    columns = list(dict.fromkeys(names))
    of_posts = [name for name in columns if name == "rating" or (not tags and name in CATEGORIES.values())]
    of_tags = read_stream(tags, ["id", *columns]) if tags else None
    return post_parts(read_stream(posts, ["id", *of_posts]), of_tags, line, parts)


def post_parts(
    posts: Iterable[pl.DataFrame],
    tags: Iterable[pl.DataFrame] | None,
    line: Mapping[str, Any],
    parts: Collection[str] = tuple(COLUMNS),
) -> Stream:
    """The parts that come from the tags of a post: `id`, and those of COLUMNS and `tags` among `parts`.

    Args:
        posts: of posts.parquet `id` and `rating`, and without a policy the tag categories, as far as the parts need them.
        tags: tags.parquet; None without a policy, then tags are written as the booru spells them.
        line: `order`, `separator` and `divider` of the policy, for a line of tags.
        parts: which parts.
    """
    names = [part for part in COLUMNS if part in parts]
    word = pl.col("rating").replace_strict(RATING_WORDS, default=None, return_dtype=pl.String)
    if tags is None:
        own = {part: trained_tag_line([column], line["separator"]) for part, column in CATEGORIES.items()} | {"rating": word}
        columns = [own.get(part, pl.lit(None, pl.String)).alias(part) for part in names]
        columns += [trained_tag_line(line["order"], line["separator"]).alias("tags")] if "tags" in parts else []
        for frame in posts:
            yield _without_empty(frame.select("id", *columns))
    else:
        columns = [pl.col(COLUMNS[part]).alias(part) for part in names]
        columns += [tags_line(**line).alias("tags")] if "tags" in parts else []
        for frame, rows in aligned([posts, tags]):
            rows = rows.select("id", *columns)
            if "rating" in names:
                words = frame.select("id", word=word)
                rows = rows.join(words, on="id", how="left", maintain_order="left")
                rows = rows.with_columns(pl.coalesce("rating", "word").alias("rating")).drop("word")
            yield _without_empty(rows)


def _without_empty(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `tags`, if they have that column, on one line, and null where nothing is on it."""
    if "tags" not in rows.columns:
        return rows
    return rows.with_columns(one_line(rows["tags"])).with_columns(pl.when(pl.col("tags") != "").then("tags"))


def part_rows(tag_parts: Iterable[pl.DataFrame], entries: Sequence[tuple[str, str, Iterable[pl.DataFrame]]]) -> Stream:
    """The parts of each post that has tags or a caption.

    Args:
        tag_parts: of `post_parts`.
        entries: of each text the name of its part, its member, and its entries read with the member; `caption` is among them,
            and `tags` is where it is no part of `tag_parts`.
    """
    for rows, *frames in aligned([tag_parts, *(stream for _, _, stream in entries)]):
        for (name, member, _), frame in zip(entries, frames, strict=True):
            rows = rows.join(_text_part(frame, member, name), on="id", how="left", maintain_order="left")
        yield rows.filter(pl.any_horizontal(pl.col(TEXTS).is_not_null()))


def _text_part(entries: pl.DataFrame, member: str, name: str) -> pl.DataFrame:
    """The part `name` from id-keyed entries read with their `member`: columns `id` and the part; empty ones are left out.

    Only tags may hold `|||`, from their policy: see `booruflow.sources.tags.apart`.
    """
    text = decode_json_text(member_json_text("value", member))
    texts = entries.select("id", (text if member == "tags" else apart(text)).alias(name))
    return texts.with_columns(one_line(texts[name])).filter(pl.col(name) != "")
