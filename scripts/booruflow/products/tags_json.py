"""The tags JSON: one line of tags for each post that has tags."""

from collections.abc import Sequence

import polars as pl

from booruflow.sources.tags import tag_line


def tags_entries(posts: pl.DataFrame, order: Sequence[str], separator: str, underscores: str) -> pl.DataFrame:
    """Entries `{"tags": ...}` of the posts that have tags: columns `id`, `value` (JSON text)."""
    lines = posts.select("id", tags=tag_line(order, separator, underscores)).filter(pl.col("tags").is_not_null())
    return lines.select("id", value=pl.struct("tags").struct.json_encode())
