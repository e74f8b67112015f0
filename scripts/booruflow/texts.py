"""White space in columns of text, mended only in the rows that need it: on every row it would take ten times as long."""

import polars as pl

WHITE = ("\n", "\r", "\t", "\v", "\f", "  ", "\x85", "\u00a0", "\u1680", "\u205f", "\u3000")
"""White space that is not one plain space, but for U+2000 to U+202F, whose bytes begin as those of curly quotes do."""

GENERAL_PUNCTUATION = b"\xe2\x80"
"""How U+2000 to U+203F begin in UTF-8."""


def one_line(texts: pl.Series) -> pl.Series:
    """The texts with every run of white space (Unicode's) as one space, ends trimmed."""
    odd = texts.cast(pl.Binary).bin.contains(GENERAL_PUNCTUATION) | texts.str.starts_with(" ") | texts.str.ends_with(" ")
    for white in WHITE:
        odd |= texts.str.contains(white, literal=True)
    rows = odd.arg_true()
    if not len(rows):
        return texts
    return texts.scatter(rows, texts.gather(rows).str.replace_all(r"\s+", " ").str.strip_chars(" "))
