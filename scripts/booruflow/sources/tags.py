"""The tags of a post as one line of text, and the entries of the tags JSON."""

from collections.abc import Sequence

import polars as pl


def apart(text: pl.Expr) -> pl.Expr:
    """Text with `|||`, at which sd-scripts divides a prompt (`keep_tokens_separator`), as `| | |`."""
    return text.map_batches(_apart, return_dtype=pl.String)


def _apart(texts: pl.Series) -> pl.Series:
    if not texts.str.contains("|||", literal=True).any():  # nearly always, and to replace copies all texts
        return texts
    for _ in range(2):  # five in a row become | | |||
        texts = texts.str.replace_all("|||", "| | |", literal=True)
    return texts


def tag_line(order: Sequence[str], separator: str) -> pl.Expr:
    """The tags of the categories in `order`, joined by `separator`; null where a post has none.

    No tag divides a prompt: see `apart`.
    """
    strings = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in order]
    joined = pl.concat_str(strings, separator=" ", ignore_nulls=True)
    line = joined.str.replace_all(" ", separator, literal=True)
    return pl.when(joined != "").then(line if "|||" in separator else apart(line))


def tags_entries(posts: pl.DataFrame, line: pl.Expr) -> pl.DataFrame:
    """Entries `{"tags": ...}` of the tags JSON, of the posts whose `line` is not null: columns `id`, `value` (JSON text)."""
    lines = posts.select("id", tags=line).filter(pl.col("tags").is_not_null())
    return lines.select("id", value=pl.struct("tags").struct.json_encode())
