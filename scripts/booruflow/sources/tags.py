"""The tags of a post as one line of text, and the entries of the tags JSON."""

from collections.abc import Sequence

import polars as pl


def tag_line(order: Sequence[str], separator: str) -> pl.Expr:
    """The tags of the categories in `order`, joined by `separator`; null where a post has none."""
    strings = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in order]
    joined = pl.concat_str(strings, separator=" ", ignore_nulls=True)
    return pl.when(joined != "").then(joined.str.replace_all(" ", separator, literal=True))


def tags_entries(posts: pl.DataFrame, line: pl.Expr) -> pl.DataFrame:
    """Entries `{"tags": ...}` of the tags JSON, of the posts whose `line` is not null: columns `id`, `value` (JSON text)."""
    lines = posts.select("id", tags=line).filter(pl.col("tags").is_not_null())
    return lines.select("id", value=pl.struct("tags").struct.json_encode())
