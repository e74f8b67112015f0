"""The tags of a post as one line of text, and the entries of the tags JSON."""

from collections.abc import Sequence

import polars as pl


def apart(text: pl.Expr) -> pl.Expr:
    """Text with `|||`, at which sd-scripts divides a prompt (`keep_tokens_separator`), as `| | |`."""
    return text.map_batches(_apart, return_dtype=pl.String)


def _apart(texts: pl.Series, space: str = " ") -> pl.Series:
    if not texts.str.contains("|||", literal=True).any():  # nearly always, and to replace copies all texts
        return texts
    for _ in range(2):  # five in a row become | | |||
        texts = texts.str.replace_all("|||", space.join("|||"), literal=True)
    return texts


def tag_line(order: Sequence[str], separator: str) -> pl.Expr:
    """The tags of the categories in `order`, joined by `separator`; null where a post has none."""
    return _names(order).str.replace_all(" ", separator, literal=True)


def trained_tag_line(order: Sequence[str], separator: str) -> pl.Expr:
    """The same for a trainer: no tag divides a prompt, see `apart`; only the separator may."""

    def joined(names: pl.Series) -> pl.Series:
        spaced = _apart(names, "\t")
        line = spaced.str.replace_all(" ", separator, literal=True)
        return line if spaced is names else line.str.replace_all("\t", " ", literal=True)

    return _names(order).map_batches(joined, return_dtype=pl.String)


def _names(order: Sequence[str]) -> pl.Expr:
    """The names of the categories, separated by spaces; null where there is none."""
    strings = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in order]
    joined = pl.concat_str(strings, separator=" ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def tags_entries(posts: pl.DataFrame, line: pl.Expr) -> pl.DataFrame:
    """Entries `{"tags": ...}` of the tags JSON, of the posts whose `line` is not null: columns `id`, `value` (JSON text)."""
    lines = posts.select("id", tags=line).filter(pl.col("tags").is_not_null())
    return lines.select("id", value=pl.struct("tags").struct.json_encode())
