"""White space in columns of text, mended only in the rows that need it: on every row it would take ten times as long."""

import re
from collections.abc import Callable, Sequence

import polars as pl

from booruflow.idjson import decoded, text_of

WHITE = ("\n", "\r", "\t", "\v", "\f", "  ", "\x85", "\u00a0", "\u1680", "\u205f", "\u3000")
"""White space that is not one plain space, but for U+2000 to U+202F, whose bytes begin as those of curly quotes do."""

ESCAPED = (*WHITE[5:], "\\n", "\\r", "\\t", "\\f", "\\u")
"""The same in JSON text."""

GENERAL_PUNCTUATION = b"\xe2\x80"
"""How U+2000 to U+203F begin in UTF-8."""


def one_line(texts: pl.Series) -> pl.Series:
    """The texts with every run of white space (Unicode's) as one space, ends trimmed."""
    return _mended(texts, WHITE, (" ", " "), _collapsed)


def one_line_json(texts: pl.Series) -> pl.Series:
    """`one_line` on JSON text of strings, quotes included."""

    def collapsed(some: pl.Series) -> pl.Series:
        plain = _collapsed(some.to_frame("text").select(decoded(pl.col("text"))).to_series())
        return plain.to_frame("text").select(text_of("text")).to_series()

    return _mended(texts, ESCAPED, ('" ', ' "'), collapsed)


def _collapsed(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(r"\s+", " ").str.strip_chars(" ")


def _mended(texts: pl.Series, signs: Sequence[str], ends: tuple[str, str], mend: Callable[[pl.Series], pl.Series]) -> pl.Series:
    odd = texts.str.starts_with(ends[0]) | texts.str.ends_with(ends[1])
    odd |= texts.cast(pl.Binary).bin.contains(GENERAL_PUNCTUATION)
    odd |= texts.str.contains("|".join(map(re.escape, signs)))
    rows = odd.arg_true()
    return texts.scatter(rows, mend(texts.gather(rows))) if len(rows) else texts
