"""The named parts of texts: a column each, one line of text or null where a post has none."""

from collections.abc import Iterable

import polars as pl

from booruflow.core.idjson import decode_json_text, member_json_text
from booruflow.core.streams import Stream, aligned
from booruflow.core.whitespace import one_line
from booruflow.sources.ratings import LETTER_OF
from booruflow.sources.tags import tag_line

RATING_WORDS = {letter: word for word, letter in LETTER_OF.items() if word != "safe"}

COLUMNS = {
    "people": "people",
    "artist": "artist",
    "characters": "character",
    "copyrights": "copyright",
    "general": "general",
    "meta": "meta",
    "year": "year",
    "quality": "quality",
    "size": "size",
}
"""The column of tags.parquet that each part is; the rating comes from there too where the policy has words for it."""

CATEGORIES = {part: column for part, column in COLUMNS.items() if column not in ("people", "year", "quality", "size")}
"""The parts that a post has without a tag policy, and their columns of posts.parquet."""


def post_parts(posts: Iterable[pl.DataFrame], tags: Iterable[pl.DataFrame] | None, separator: str) -> Stream:
    """The parts that come from the tags of a post: `id`, `rating` and those in COLUMNS.

    Args:
        posts: of posts.parquet `id` and `rating`, and without a policy the tag categories.
        tags: tags.parquet; None without a policy, then tags are written as the booru spells them.
        separator: between tags.
    """
    word = pl.col("rating").replace_strict(RATING_WORDS, default=None, return_dtype=pl.String)
    if tags is None:
        none = [pl.lit(None, pl.String).alias(part) for part in COLUMNS if part not in CATEGORIES]
        lines = [tag_line([column], separator).alias(part) for part, column in CATEGORIES.items()]
        for frame in posts:
            yield frame.select("id", word, *lines, *none)
    else:
        for frame, rows in aligned([posts, tags]):
            joined = rows.join(frame.select("id", word.alias("word")), on="id", how="left", maintain_order="left")
            parts = [pl.col(column).alias(part) for part, column in COLUMNS.items()]
            yield joined.select("id", pl.coalesce("rating", "word").alias("rating"), *parts)


def text_part(entries: pl.DataFrame, member: str, name: str) -> pl.DataFrame:
    """The part `name` from id-keyed entries read with their `member`: columns `id` and the part; empty ones are left out."""
    texts = entries.select("id", decode_json_text(member_json_text("value", member)).alias(name))
    return texts.with_columns(one_line(texts[name])).filter(pl.col(name) != "")


def without_keep_separator(part: str) -> pl.Expr:
    """A part in which `|||`, at which sd-scripts divides a prompt, stands apart: only templates and the tag policy set it."""
    return pl.col(part).str.replace_all("|||", "| | |", literal=True)
