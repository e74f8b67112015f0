"""Collapse white space in columns of text, only in the rows that need it: doing it in every row takes ten times as long."""

import re
from collections.abc import Callable, Sequence

import polars as pl

from booruflow.core.idjson import decode_json_text, json_text

CONTROLS = r"[\t-\r]"
"""A pattern for one-byte white space except the space; in JSON text it appears as a backslash escape."""

WHITE = ("\t", "\n", "\v", "\f", "\r", "  ", "\x85", "\u00a0", "\u1680", "\u205f", "\u3000")
"""White space other than one plain space, except U+2000 to U+202F, which share their first bytes with curly quotes."""

ESCAPED = (*WHITE[5:], "\\n", "\\r", "\\t", "\\f", "\\u")
"""The same in JSON text."""

GENERAL_PUNCTUATION = b"\xe2\x80"
"""The first bytes of U+2000 to U+203F in UTF-8."""


def one_line(texts: pl.Series) -> pl.Series:
    """The texts with every run of white space (Unicode's) replaced by one space, and both ends trimmed."""
    return _collapse_where_needed(texts, CONTROLS, WHITE, (" ", " "), _collapse)


def one_line_json(texts: pl.Series) -> pl.Series:
    """`one_line` on JSON text of strings, quotes included."""

    def collapse(json_texts: pl.Series) -> pl.Series:
        collapsed = _collapse(json_texts.to_frame("text").select(decode_json_text(pl.col("text"))).to_series())
        return collapsed.to_frame("text").select(json_text("text")).to_series()

    return _collapse_where_needed(texts, r"\\", ESCAPED, ('" ', ' "'), collapse)


def _collapse(texts: pl.Series) -> pl.Series:
    # not \s+, which matches each single space and takes six times as long
    return texts.str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars(" ")


def _collapse_where_needed(
    texts: pl.Series, control: str, white: Sequence[str], ends: tuple[str, str], collapse: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """Find candidate rows by cheap tests, then those with white space in `white` among them, and collapse only these."""
    text = pl.col("text")
    at_ends = text.str.starts_with(ends[0]) | text.str.ends_with(ends[1])
    not_ascii = text.str.len_bytes() != text.str.len_chars()
    candidate = at_ends | text.str.contains("  ", literal=True) | text.str.contains(control) | not_ascii
    frame = texts.alias("text").to_frame()
    rows = frame.select(candidate.arg_true()).to_series()  # one query: the cost of each is that of testing a thousand rows
    if not len(rows):
        return texts
    needed = at_ends | text.str.contains("|".join(map(re.escape, white)))
    needed |= text.cast(pl.Binary).bin.contains(GENERAL_PUNCTUATION)
    rows = rows.filter(frame[rows].select(needed).to_series())
    return texts.clone().scatter(rows, collapse(texts.gather(rows))) if len(rows) else texts
