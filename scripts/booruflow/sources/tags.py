"""The tags of a post as one line of text."""

from collections.abc import Sequence

import polars as pl


def tag_line(order: Sequence[str], separator: str, underscores: str) -> pl.Expr:
    """The tags of the categories in `order`, joined by `separator`; null where a post has none.

    `underscores` is "keep", or "space" to write `red_hair` as `red hair`. Tags without two adjacent letters, which are
    kaomoji such as `^_^`, `o_o` or `0_0`, keep their underscores either way.
    """
    strings = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in order]
    joined = pl.concat_str(strings, separator=" ", ignore_nulls=True)
    if underscores == "space":
        tag = pl.element()
        spaced = pl.when(tag.str.contains(r"\p{L}{2}")).then(tag.str.replace_all("_", " ", literal=True)).otherwise(tag)
        line = joined.str.split(" ").list.eval(spaced).list.join(separator)
    else:
        line = joined.str.replace_all(" ", separator, literal=True)
    return pl.when(joined != "").then(line)
