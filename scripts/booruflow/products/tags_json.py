"""The tags JSON: one line of tags for each post that has tags."""

import polars as pl


def tags_entries(posts: pl.DataFrame, line: pl.Expr) -> pl.DataFrame:
    """Entries `{"tags": ...}` of the posts whose `line` is not null: columns `id`, `value` (JSON text)."""
    lines = posts.select("id", tags=line).filter(pl.col("tags").is_not_null())
    return lines.select("id", value=pl.struct("tags").struct.json_encode())
