"""JSON values: their type, and properties that do not depend on the key."""

import re
from typing import TypeAlias

from booruflow.captioning.parsing.text.cleaning import clean
from booruflow.captioning.parsing.text.grammar import has_end_mark

Value: TypeAlias = "bool | int | float | str | list[Value] | Pairs | None"


class Pairs(tuple[tuple[str, "Value"], ...]):
    """A JSON object as a sequence of pairs, so that both values of a duplicate key are kept."""


EMPTY_WORDS = frozenset({"", "none", "null", "n/a", "nil", "undefined", "none.", "n/a.", "null."})
NUMBERS = re.compile(
    r"(?:[\s\d.,;:()%+\-=/]++|\b(?:x|y|w|h|px|x[12]|y[12]|[xy]?_?(?:min|max)|width|height)\b|(?<=\d)px|pixels?|by)*"
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


def has_words(value: Value, known: dict[int, bool]) -> bool:
    """Whether a value under a key for coordinates contains words all the same: 'top left'.

    `known` keeps the answer of each object and list by its `id`, so that nested ones are searched once.
    """
    if isinstance(value, str):
        return not NUMBERS.fullmatch(clean(value).lower())
    if not isinstance(value, list | Pairs):
        return False
    if id(value) not in known:
        members = (inner for _, inner in value) if isinstance(value, Pairs) else value
        known[id(value)] = any(has_words(inner, known) for inner in members)
    return known[id(value)]


def names_and_texts(value: Value) -> tuple[list[str], list[str]]:
    """All names of keys and all strings in `value`, in any order."""
    names: list[str] = []
    texts: list[str] = []
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, Pairs):
            for name, inner in value:
                names.append(name)
                pending.append(inner)
        elif isinstance(value, list):
            pending.extend(value)
    return names, texts
