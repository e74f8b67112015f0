"""The tags of a post as one line of text."""

from collections.abc import Sequence

import polars as pl


def tag_line(order: Sequence[str], separator: str) -> pl.Expr:
    """The tags of the categories in `order`, joined by `separator`; null where a post has none."""
    strings = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in order]
    joined = pl.concat_str(strings, separator=" ", ignore_nulls=True)
    return pl.when(joined != "").then(joined.str.replace_all(" ", separator, literal=True))
