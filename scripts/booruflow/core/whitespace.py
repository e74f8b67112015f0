"""White space in columns of text, mended only in the rows that need it: on every row it would take ten times as long."""

import re
from collections.abc import Callable, Sequence

import polars as pl

from booruflow.core.idjson import decoded, text_of

CONTROLS = r"[\t-\r]"
"""White space of one byte but for the space, as a pattern; in JSON text it stands behind a backslash."""

WHITE = ("\t", "\n", "\v", "\f", "\r", "  ", "\x85", "\u00a0", "\u1680", "\u205f", "\u3000")
"""White space that is not one plain space, but for U+2000 to U+202F, whose bytes begin as those of curly quotes do."""

ESCAPED = (*WHITE[5:], "\\n", "\\r", "\\t", "\\f", "\\u")
"""The same in JSON text."""

GENERAL_PUNCTUATION = b"\xe2\x80"
"""How U+2000 to U+203F begin in UTF-8."""


def one_line(texts: pl.Series) -> pl.Series:
    """The texts with every run of white space (Unicode's) as one space, ends trimmed."""
    return _mended(texts, CONTROLS, WHITE, (" ", " "), _collapsed)


def one_line_json(texts: pl.Series) -> pl.Series:
    """`one_line` on JSON text of strings, quotes included."""

    def collapsed(some: pl.Series) -> pl.Series:
        plain = _collapsed(some.to_frame("text").select(decoded(pl.col("text"))).to_series())
        return plain.to_frame("text").select(text_of("text")).to_series()

    return _mended(texts, r"\\", ESCAPED, ('" ', ' "'), collapsed)


def _collapsed(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(r"\s+", " ").str.strip_chars(" ")


def _mended(
    texts: pl.Series, control: str, signs: Sequence[str], ends: tuple[str, str], mend: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """Look at all rows for what is cheap to find, at those rows for white space, and mend the rows that have some."""
    odd = texts.str.starts_with(ends[0]) | texts.str.ends_with(ends[1])
    maybe = odd | texts.str.contains("  ", literal=True) | texts.str.contains(control)
    maybe |= texts.str.len_bytes() != texts.str.len_chars()  # not ASCII alone
    rows = maybe.arg_true()
    some = texts.gather(rows)
    odd = odd.gather(rows) | some.str.contains("|".join(map(re.escape, signs)))
    odd |= some.cast(pl.Binary).bin.contains(GENERAL_PUNCTUATION)
    rows = rows.filter(odd)
    return texts.clone().scatter(rows, mend(texts.gather(rows))) if len(rows) else texts
