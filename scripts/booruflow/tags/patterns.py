r"""Lists of tags by name or pattern: `red_hair`, `*_request`, and of one category only `artist:banned_artist`, `meta:*`.

A star stands for any text; `\*` is a star and `\\` a backslash. Patterns of any number are matched in one pass over the names.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.sources.posts import TAG_CATEGORIES

_PIECE = re.compile(r"\\[*\\]|\*|[^*\\]+|\\")


def split_category(entry: str) -> tuple[tuple[str, ...], str]:
    """The categories that an entry is about, and the name or pattern."""
    category, colon, rest = entry.partition(":")
    return ((category,), rest) if colon and rest and category in TAG_CATEGORIES else (TAG_CATEGORIES, entry)


def literals(pattern: str) -> list[str]:
    """The texts between the stars of a pattern; one text if it has none."""
    texts = [""]
    for piece in _PIECE.findall(pattern):
        if piece == "*":
            texts.append("")
        else:
            texts[-1] += piece[1] if len(piece) == 2 and piece[0] == "\\" else piece
    return texts


def escaped(name: str) -> str:
    """The pattern that matches this name only."""
    return name.replace("\\", r"\\").replace("*", r"\*")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> "re.Pattern[str]":
    """A regular expression for whole names, with a group for each star."""
    return re.compile("(.*)".join(map(re.escape, literals(pattern))), re.DOTALL)


class TagPatterns:
    """A list of entries, compiled for each category."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Takes entries without white space."""
        self._entries: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._names: dict[str, set[str]] = defaultdict(set)
        patterns: dict[str, list[list[str]]] = defaultdict(list)
        for entry in entries:
            categories, pattern = split_category(entry)
            texts = literals(pattern)
            for category in categories:
                self._entries[category].append((entry, pattern))
                if len(texts) == 1:
                    self._names[category].add(texts[0])
                else:
                    patterns[category].append(texts)
        self._expression = {category: _expression(found) for category, found in patterns.items()}

    def matches(self, category: str, names: Sequence[str]) -> NDArray[np.bool_]:
        """Which names an entry matches, shape (names,)."""
        exact = self._names[category]
        found = np.fromiter((name in exact for name in names), bool, len(names))
        if category in self._expression:
            found |= pl.Series(names, dtype=pl.String).str.contains(self._expression[category]).to_numpy()
        return found

    def first(self, category: str, name: str) -> str | None:
        """The first entry that matches a name."""
        return next((entry for entry, pattern in self._entries[category] if compiled(pattern).fullmatch(name)), None)


def without_match(entries: Iterable[str], names: Mapping[str, Collection[str]]) -> list[str]:
    """The entries that match none of the names, which are given by category."""
    texts = {category: "\n".join(found) for category, found in names.items()}
    return [
        entry
        for entry in entries
        for categories, pattern in [split_category(entry)]
        if not any(_has_match(literals(pattern), names[category], texts[category]) for category in categories)
    ]


def _has_match(pattern: list[str], names: Collection[str], text: str) -> bool:
    """Whether a pattern matches one of the names; `text` is all of them, where looking for its parts is fast."""
    if len(pattern) == 1:
        return pattern[0] in names
    return all(part in text for part in pattern) and bool(
        pl.Series(list(names), dtype=pl.String).str.contains(_expression([pattern])).any()
    )


def _expression(patterns: Iterable[list[str]]) -> str:
    """A regular expression (of Rust) for all patterns. Ends of names first: `.*` in many alternatives is slow."""
    starts, ends, parts, others = [], [], [], []
    for texts in patterns:
        inner = re.escape(texts[-1]), re.escape(texts[0]), "(?s:.*)".join(map(re.escape, texts))
        if len(texts) == 2 and not texts[0]:
            ends.append(inner[0])
        elif len(texts) == 2 and not texts[1]:
            starts.append(inner[1])
        elif len(texts) == 3 and not texts[0] and not texts[2]:
            parts.append(re.escape(texts[1]))
        else:
            others.append(inner[2])
    forms = {r"\A(?:{})": starts, r"(?:{})\z": ends, "(?:{})": parts, r"\A(?:{})\z": others}
    return "|".join(form.format("|".join(found)) for form, found in forms.items() if found)
