"""English words and sentences: end marks, capitals, enumerations, ordinals, quotation."""

import re
from collections.abc import Sequence
from functools import lru_cache

_END_MARKS = ".!?…。！？‼⁉⁇～♪♥♡．"
_CLOSING_QUOTES = "\"'”’»）)*"
_CLOSING_BRACKETS = "」』】》"
_OPEN_PUNCTUATION = " ,;:，；：、"
_SENTENCE_END = re.compile(r"(?:(?<![.!?…])[.!?…]++[\"'”’)]*+(?=\s|$)|[。！？]+[」』]?)")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|No|vs|e\.g|i\.e|etc|approx)|\b[A-Z])\.$")
_LONGEST_ABBREVIATION = len("approx.")
_FUNCTION_WORDS = frozenset(
    (
        *("a", "an", "the", "this", "that", "these", "those", "his", "her", "its", "their", "another", "each", "all", "both"),
        *("she", "he", "they", "it", "there", "one", "two", "three", "four", "several", "some", "many", "no"),
        *("in", "on", "at", "with"),
    )
)
_WORD = re.compile(r"[^\W_]+")
_INNER_QUOTES = str.maketrans({'"': "'", "“": "'", "”": "'"})
_IN_QUOTES = re.compile(r"""(?:"([^"]+)"|“([^“”]+)”|'([^']+)'|‘([^‘’]+)’)\.?""")
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)


def has_end_mark(text: str) -> bool:
    """Whether `text` ends with an end mark, inside or outside closing quotes and brackets."""
    return text[-1:] in _CLOSING_BRACKETS or text.rstrip(_CLOSING_QUOTES)[-1:] in _END_MARKS if text else False


def with_full_stop(text: str) -> str:
    """Add a full stop to `text` unless it ends with an end mark."""
    if has_end_mark(text):
        return text
    text = text.rstrip(_OPEN_PUNCTUATION)
    return text if not text or has_end_mark(text) else text + "."


def complete_sentences(text: str) -> str:
    """Cut `text` after its last complete sentence; empty when there is none."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    opening = text.find(" '")
    counted, quotes = len(text), text.count('"')
    for end in reversed(ends):
        counted, quotes = end, quotes - text.count('"', end, counted)
        # A sentence does not end at an abbreviation or initial, nor within an open quotation.
        is_abbreviation = _ABBREVIATION.search(text, max(0, end - _LONGEST_ABBREVIATION), end)
        closes_nothing = text.endswith(".'", 0, end) and not 0 <= opening < end - 1
        if not is_abbreviation and quotes % 2 == 0 and not closes_nothing:
            return text[:end]
    return ""


def capitalized(text: str) -> str:
    """Put the first letter of `text` in upper case."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """Put the first letter in lower case if the first word is a function word, so that `text` can follow a comma."""
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if (first.lower() in _FUNCTION_WORDS and first[1:].islower()) or first == "A" else text


def join_list(parts: Sequence[str]) -> str:
    """Join `parts`: 'a', 'a and b', 'a, b, and c'."""
    if len(parts) < 3:
        return " and ".join(parts)
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"


def mentions(text: str, words: str) -> bool:
    """Whether `text` contains all `words`, in singular or plural and any case."""
    return _stems(words) <= _stems(text)


@lru_cache(4096)
def _stem(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word.rstrip("s")


@lru_cache(64)  # an object can have many annotations of one long text
def _stems(text: str) -> frozenset[str]:
    return frozenset(map(_stem, _WORD.findall(text.lower())))


def with_article(noun: str) -> str:
    """Put 'a' or 'an' in front of `noun`."""
    return ("an " if noun[:1].lower() in "aeiou" else "a ") + noun


def plural(noun: str) -> str:
    """Return the plural of a regular noun phrase; 'text' and mass nouns such as 'speech' stay as they are."""
    if noun.endswith(("text", "texts", "s", "lettering", "dialogue", "speech", "writing", "narration")):
        return noun
    return noun + "es" if noun.endswith(("x", "ch", "sh")) else noun + "s"


def quoted(text: str) -> str:
    """Put `text` in straight double quotes; double quotes within it become single ones."""
    return f'"{unquoted(text).translate(_INNER_QUOTES)}"'


def unquoted(text: str) -> str:
    """Remove one pair of quotes that encloses all of `text`."""
    found = _IN_QUOTES.fullmatch(text)
    return next(part for part in found.groups() if part is not None).strip() or text if found else text


def ordinal(noun: str, number: int) -> str:
    """Number a noun: 'the second panel'; beyond the twelfth 'panel 13'."""
    return f"the {_ORDINALS[number - 1]} {noun}" if 0 < number <= len(_ORDINALS) else f"{noun} {number}"
