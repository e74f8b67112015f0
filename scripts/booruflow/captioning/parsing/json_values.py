"""JSON values: their type, and properties that do not depend on the key."""

import json
import re
from typing import TypeAlias

from booruflow.captioning.parsing.text.cleaning import clean
from booruflow.captioning.parsing.text.grammar import has_end_mark

Value: TypeAlias = "bool | int | float | str | list[Value] | Pairs | None"


class Pairs(tuple[tuple[str, "Value"], ...]):
    """A JSON object as a sequence of pairs, so that both values of a duplicate key are kept."""


EMPTY_WORDS = frozenset({"", "none", "null", "n/a", "nil", "undefined", "none.", "n/a.", "null."})
NUMBERS = re.compile(
    r"(?:[\s\d.,;:()%+\-=/]|\b(?:x|y|w|h|px|x[12]|y[12]|[xy]?_?(?:min|max)|width|height)\b|(?<=\d)px|pixels?|by)*"
)
WORD = re.compile(r"\w")


def is_sentence(text: str) -> bool:
    """Whether `text` is a complete sentence, judged by its length and end mark."""
    words = text.count(" ") + 1
    return words >= 6 or (words > 1 and has_end_mark(text) and not text[:1].islower())


def short_text(value: Value) -> str:
    """Return a short value, which may annotate its neighbors, as clean text; empty for any other value."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = clean(str(value)) if isinstance(value, str) else str(value) if abs(value) < 1e15 else ""
    return "" if text.lower() in EMPTY_WORDS or len(text) > 200 or not WORD.search(text) else text


def has_words(value: Value) -> bool:
    """Whether a value under a key for coordinates contains words all the same: 'top left'."""
    if isinstance(value, str):
        return not NUMBERS.fullmatch(clean(value).lower())
    if isinstance(value, Pairs):
        return any(has_words(inner) for _, inner in value)
    return isinstance(value, list) and any(map(has_words, value))


def embedded_json(text: str) -> Value:
    """Decode an object or list that a string contains as JSON; None when there is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value: Value = json.loads(text, object_pairs_hook=Pairs, strict=False)
    except ValueError:
        return None
    if isinstance(value, Pairs):
        return value
    return value if isinstance(value, list) and not all(isinstance(inner, int | float) for inner in value) else None
