"""Tags: a post's tag strings as one line of tags."""

from collections.abc import Sequence

import polars as pl


def tag_line(order: Sequence[str], separator: str, underscores: str) -> pl.Expr:
    """The tags of the categories in `order`, joined by `separator`; null where a post has none.

    `underscores` is "keep", or "space" to write `red_hair` as `red hair`; labels without two letters side by side,
    which are kaomoji such as `^_^`, `o_o` or `0_0`, keep theirs either way.
    """
    strings = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in order]
    spaced = pl.concat_str(strings, separator=" ", ignore_nulls=True)
    if underscores == "space":
        label = pl.element()
        spoken = pl.when(label.str.contains(r"\p{L}{2}")).then(label.str.replace_all("_", " ", literal=True)).otherwise(label)
        line = spaced.str.split(" ").list.eval(spoken).list.join(separator)
    else:
        line = spaced.str.replace_all(" ", separator, literal=True)
    return pl.when(spaced != "").then(line)
