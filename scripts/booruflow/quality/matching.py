"""What the checks share: the columns of flags, values that recur, and whether a sentence says what was found in it.

Regular expressions for whole columns are of the engine of polars, with ASCII classes (`(?i-u)`): with Unicode ones they take ten
times as long. What they find in few captions is then read in Python.
"""

import re
from collections.abc import Callable, Iterable

import polars as pl

FLAGS = {"id": pl.Int64, "flag": pl.String, "detail": pl.String}
"""Columns of a table of flags: one row for each post and flag."""

_SENTENCE_END = re.compile(r"[.!?]['\"”)]*\s+|\n+|[。！？]")
NEAR = 1000
"""Characters before and after a phrase in which its sentence is searched for."""
SENTENCES = 8
"""Sentences with a phrase that are read."""


def mapped(values: pl.Series, function: Callable[..., object], dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
    """A column through a function that is called once for each different value: for columns with few of them."""
    different = values.unique()
    table = pl.DataFrame({"value": different, "result": pl.Series([function(value) for value in different], dtype=dtype)})
    return pl.DataFrame({"value": values}).join(table, on="value", how="left", maintain_order="left", nulls_equal=True)["result"]


def either(words: Iterable[str]) -> str:
    """A regular expression for any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(set(words), key=lambda word: (-len(word), word)))


def said_plainly(caption: str, phrase: str, *otherwise: re.Pattern[str]) -> bool:
    """Whether one of the first sentences with the phrase is none of those `otherwise`, and does not quote it."""
    position = -1
    for _ in range(SENTENCES):
        position = caption.find(phrase, position + 1)
        if position < 0:
            break
        start, end = max(0, position - NEAR), position + len(phrase) + NEAR
        before = _SENTENCE_END.split(caption[start:position])[-1]
        after = _SENTENCE_END.split(caption[position:end], maxsplit=1)[0]
        quoted = before.count('"') % 2 or before.count("“") > before.count("”") or before.count("「") > before.count("」")
        if not quoted and not any(pattern.search(before + after) for pattern in otherwise):
            return True
    return False
