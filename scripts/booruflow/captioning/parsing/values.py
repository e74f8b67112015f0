"""A value that a model wrote: its type, and what can be told from it without its key."""

import json
import re
from typing import TypeAlias

from booruflow.captioning.parsing.words import clean, ended

Value: TypeAlias = "bool | int | float | str | list[Value] | Pairs | None"


class Pairs(tuple[tuple[str, "Value"], ...]):
    """A JSON object as the pairs that were written, so that a key used twice keeps both its values."""


NOTHING = frozenset({"", "none", "null", "n/a", "nil", "undefined", "none.", "n/a.", "null."})
NUMBERS = re.compile(
    r"(?:[\s\d.,;:()%+\-=/]|\b(?:x|y|w|h|px|x[12]|y[12]|[xy]?_?(?:min|max)|width|height)\b|(?<=\d)px|pixels?|by)*"
)
WORD = re.compile(r"\w")


def is_sentence(text: str) -> bool:
    """Whether `text` stands on its own, by its length and its end mark."""
    words = text.count(" ") + 1
    return words >= 6 or (words > 1 and ended(text) and not text[:1].islower())


def word_of(value: Value) -> str:
    """A short value that may annotate its neighbours; empty for any other."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    word = clean(str(value)) if isinstance(value, str) else str(value) if abs(value) < 1e15 else ""
    return "" if word.lower() in NOTHING or len(word) > 200 or not WORD.search(word) else word


def has_words(value: Value) -> bool:
    """Whether what stands under a key for coordinates has words nevertheless: 'top left'."""
    if isinstance(value, str):
        return not NUMBERS.fullmatch(clean(value).lower())
    if isinstance(value, Pairs):
        return any(has_words(inner) for _, inner in value)
    return isinstance(value, list) and any(map(has_words, value))


def json_within(text: str) -> Value:
    """The object or list that a string holds as JSON; None when it holds none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value: Value = json.loads(text, object_pairs_hook=Pairs, strict=False)
    except ValueError:
        return None
    if isinstance(value, Pairs):
        return value
    return value if isinstance(value, list) and not all(isinstance(inner, int | float) for inner in value) else None
