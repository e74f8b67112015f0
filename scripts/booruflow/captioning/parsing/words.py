"""English at the level of words and sentences: cleaning, end marks, quotation, places, enumerations."""

import re
from collections.abc import Sequence
from functools import lru_cache

# --- cleaning

_ODD = re.compile(r"[\x00-\x1f\x7f-\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff\ud800-\udfff{}\[\]`\\<_*]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\ufeff\ud800-\udfff]")
_TOKEN = re.compile(
    r"<\|box_start\|>.*?(?:<\|box_end\|>|$)|</?\|?[a-z_]{2,30}\|>|</?(?:b|i|u|br|em|strong|p|tags|characters)\s*/?>",
    re.S,
)
_ESCAPES = {r"\n": " ", r"\r": " ", r"\t": " ", r"\"": '"', r"\'": "'", r"\/": "/"}
_ESCAPED = re.compile(r"\\[nrt](?![A-Za-z]*[\\:])|\\[\"'/]")
_BRACKETS = str.maketrans("{}[]", "()()")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_NUMBERED = re.compile(r"\b(character|person|panel|frame|speech_bubble|bubble|object|text)_(\d{1,2})\b", re.IGNORECASE)
_QUOTED_PAIR = re.compile(r'"\s*:\s*(?=["\d(])')


def clean(text: str) -> str:
    """`text` as it may stand in a caption.

    Every run of white space is one space, the ends are trimmed; control characters, lone surrogates, chat tokens and
    bold marks are gone; `{}[]` are `()`, since a trainer expands braces and no JSON may show; `character_2` is
    'the second character'.
    """
    if not (_ODD.search(text) or "  " in text or '":' in text or '" :' in text):
        return text.strip(" ")
    text = _CONTROL.sub("", _TOKEN.sub(" ", text))
    text = _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)
    text = _BOLD.sub(r"\2", text.replace("`", "'" if text.count("`") == 1 else "")).translate(_BRACKETS)
    text = _QUOTED_PAIR.sub('", ', text)
    text = _NUMBERED.sub(_numbered, text)
    return " ".join(text.split())


def _numbered(found: re.Match[str]) -> str:
    phrase = numbered(found[1].replace("_", " ").lower(), int(found[2]))
    before = found.string[: found.start()].rstrip()
    if before.lower().endswith((" the", "the")) and phrase.startswith("the "):
        return phrase[4:]
    return capital(phrase) if not before or before[-1] in ".!?" else phrase


# --- sentences

_MARKS = ".!?…。！？‼⁉⁇～♪♥♡．"
_CLOSERS = "\"'”’»）)*"
_ENDS_ITSELF = "」』】》"
_LOOSE = " ,;:，；：、"
_STOP = re.compile(r"(?:[.!?…]+[\"'”’)]*(?=\s|$)|[。！？]+[」』]?)")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|No|vs|e\.g|i\.e|etc|approx)|\b[A-Z])\.$")
_FUNCTION_WORDS = frozenset(
    (
        *("a", "an", "the", "this", "that", "these", "those", "his", "her", "its", "their", "another", "each", "all", "both"),
        *(
            "she",
            "he",
            "they",
            "it",
            "there",
            "one",
            "two",
            "three",
            "four",
            "several",
            "some",
            "many",
            "no",
            "in",
            "on",
            "at",
            "with",
        ),
    )
)


def ended(text: str) -> bool:
    """Whether `text` carries an end mark, inside or outside closing quotes and brackets."""
    return text[-1:] in _ENDS_ITSELF or text.rstrip(_CLOSERS)[-1:] in _MARKS if text else False


def stopped(text: str) -> str:
    """`text` with a full stop where it has no end mark."""
    if ended(text):
        return text
    text = text.rstrip(_LOOSE)
    return text if not text or ended(text) else text + "."


def to_last_stop(text: str) -> str:
    """`text` up to the end of its last whole sentence; empty when there is none."""
    for found in reversed(list(_STOP.finditer(text))):
        head = text[: found.end()]
        # A decimal, an initial or an opening quotation that is never closed is no end of a sentence.
        if not _ABBREVIATION.search(head) and head.count('"') % 2 == 0 and not (head.endswith(".'") and " '" not in head):
            return head
    return ""


def capital(text: str) -> str:
    """`text` with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """`text` to be continued from a lead: a leading function word loses its capital, a name keeps it."""
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if (first.lower() in _FUNCTION_WORDS and first[1:].islower()) or first == "A" else text


def listed(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b, and c'."""
    if len(parts) < 3:
        return " and ".join(parts)
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"


def mentions(text: str, words: str) -> bool:
    """Whether `text` already says all `words`, in singular or plural and any case."""
    if not words:
        return True
    said = _stems(text)
    return _stems(words) <= said


@lru_cache(4096)
def _stem(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word.rstrip("s")


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in _WORDS.findall(text.lower())}


_WORDS = re.compile(r"[^\W_]+")


def article(noun: str) -> str:
    """`noun` with 'a' or 'an'."""
    return ("an " if noun[:1].lower() in "aeiou" else "a ") + noun


def plural(noun: str) -> str:
    """The plural of a regular noun phrase; 'text' has none here."""
    if noun.endswith(("text", "texts", "s", "lettering", "dialogue", "speech", "writing", "narration")):
        return noun
    return noun + "es" if noun.endswith(("x", "ch", "sh")) else noun + "s"


# --- lettering

_QUOTES = str.maketrans({'"': "'", "“": "'", "”": "'"})
_WRAPPED = re.compile(r"""(?:"([^"]+)"|“([^“”]+)”|'([^']+)'|‘([^‘’]+)’)\.?""")


def quoted(text: str) -> str:
    """Lettering in straight double quotes; its own double quotes become single ones."""
    return f'"{unquoted(text).translate(_QUOTES)}"'


def unquoted(text: str) -> str:
    """`text` without one pair of quotes around the whole of it."""
    found = _WRAPPED.fullmatch(text)
    return next(part for part in found.groups() if part is not None).strip() or text if found else text


# --- numbers and places

_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)


def numbered(noun: str, number: int) -> str:
    """'the second panel'; beyond the twelfth, 'panel 13'."""
    return f"the {_ORDINALS[number - 1]} {noun}" if 0 < number <= len(_ORDINALS) else f"{noun} {number}"


_SIMPLE_PLACES = {
    "top": "at the top",
    "bottom": "at the bottom",
    "left": "on the left",
    "right": "on the right",
    "center": "in the center",
    "centre": "in the centre",
    "middle": "in the middle",
}
_PREPOSITION = re.compile(
    r"(?:in|on|at|above|below|under|underneath|beneath|over|near|next|beside|besides|between|behind|inside|within|across"
    r"|along|around|by|from|against|throughout|outside|to|towards?|through|atop|overlaid|written|printed|surrounding"
    r"|opposite|among|upon|centered|aligned|located|placed|positioned|attached|partially|slightly|just|directly|hanging"
    r"|held|off|onto|into|overlapping|coming|emanating)\b",
    re.IGNORECASE,
)
_SIDE_OF = re.compile(r"(left|right) (?:of|to)\b", re.IGNORECASE)
_CONTAINER = re.compile(
    r"(?:(?:the|a|an|his|her|their|another|one)\s+)?(?:[\w-]+\s+){0,3}?"
    r"(?:(?:speech|thought|dialogue|text|caption|narration|word|shout)[\s-]*)?(?:bubble|balloon|box|cloud)s?\b",
    re.IGNORECASE,
)
_AREA = re.compile(
    r"\b(corner|edge|border|background|foreground|cent(?:er|re)|middle|panel|frame|area|region|section|half|third|quarter"
    r"|sky|margin|space|page|row|column|window|side|top|bottom|left|right)\b",
    re.IGNORECASE,
)
_AREA_PREPOSITION = {"side": "on", "left": "on", "right": "on", "top": "at", "bottom": "at", "edge": "at"}
_SURFACE = re.compile(
    r"(?:[\w-]+ ){0,2}(?:sign|t-?shirt|shirt|banner|poster|book|wall|bag|hat|board|screen|cover|card|flag|label|cup|mug|door"
    r"|building|jacket|hoodie|phone|paper|clothes|clothing|dress|apron|box|monitor|package|ribbon|badge)s?",
    re.IGNORECASE,
)
_DETERMINED = re.compile(r"(?:the|a|an|his|her|their|its|each|both|one|another|every|all)\b", re.IGNORECASE)
_VERB = re.compile(r"\b(?:is|are|was|has|appears?|stands?|reads?|shows?|seems?)\b")
_ORDINAL_PLACE = re.compile(r"(panel|frame|page|row|column|character|bubble) ?#?(\d{1,2})$", re.IGNORECASE)


@lru_cache(4096)
def where(place: str) -> str:
    """A place in the model's words as a phrase: 'top left' -> 'in the top left', 'Speech bubble' -> 'in a speech bubble'.

    Empty when `place` is a sentence or something that no preposition is sure to fit.
    """
    place = place.replace("_", " ").strip(" .,;:")
    if not place or len(place) > 160 or _VERB.search(place) or ". " in place:
        return ""
    low = place.lower()
    if low in _SIMPLE_PLACES:
        return _SIMPLE_PLACES[low]
    if found := _ORDINAL_PLACE.fullmatch(place):
        return "in " + numbered(found[1].lower(), int(found[2]))
    if ", " in place:
        phrases = [where(part) for part in place.split(", ")]
        return ", ".join(phrases) if all(phrases) else ""
    if _SIDE_OF.match(place):
        return "to the " + place[:1].lower() + place[1:]
    if _PREPOSITION.match(place):
        return place[:1].lower() + place[1:]
    determined = _DETERMINED.match(place)
    if _CONTAINER.match(place):
        noun = place[:1].lower() + place[1:] if place[1:2].islower() and "'" not in place.split(" ")[0] else place
        return "in " + (noun if determined or "'" in place.split(" ")[0] else article(noun))
    head = re.split(r"\b(?:of|in|on|above|near|with|behind|between|next|under|below)\b", place, maxsplit=1)[0]
    areas = _AREA.findall(head)
    if areas and len(head.split()) <= 5:
        name = "'" in head or (place[:1].isupper() and re.split("[ -]", low)[0] not in _AREA_WORDS)
        noun = place if name and not determined else place[:1].lower() + place[1:]
        corner = len(areas) > 1 or low.startswith(("upper", "lower"))
        area = areas[-1].lower()
        preposition = "in" if corner and area != "side" else _AREA_PREPOSITION.get(area, "in")
        return f"{preposition} {noun if determined or name else 'the ' + noun}"
    if determined:
        return "on " + place[:1].lower() + place[1:]
    if _SURFACE.fullmatch(head.strip()):
        return "on the " + low[:1] + place[1:]
    if "'s " in place:
        return "on " + place
    return "on the " + place if place[:1].islower() and len(place.split()) <= 6 else ""


_AREA_WORDS = frozenset(
    (
        *("upper", "lower", "top", "bottom", "left", "right", "far", "mid", "center", "centre", "middle", "central", "main"),
        *("first", "second", "third", "last", "background", "foreground", "image", "picture", "panel", "corner", "side", "edge"),
        *("large", "small"),
    )
)
