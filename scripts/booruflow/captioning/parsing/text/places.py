"""Phrases for places: 'top left' becomes 'in the top left'."""

import re
from functools import lru_cache

from booruflow.captioning.parsing.text.grammar import ordinal, with_article

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
_WITH_DETERMINER = re.compile(r"(?:the|a|an|his|her|their|its|each|both|one|another|every|all)\b", re.IGNORECASE)
_VERB = re.compile(r"\b(?:is|are|was|has|appears?|stands?|reads?|shows?|seems?)\b")
_ORDINAL_PLACE = re.compile(r"(panel|frame|page|row|column|character|bubble) ?#?(\d{1,2})$", re.IGNORECASE)

_AREA_WORDS = frozenset(
    (
        *("upper", "lower", "top", "bottom", "left", "right", "far", "mid", "center", "centre", "middle", "central", "main"),
        *("first", "second", "third", "last", "background", "foreground", "image", "picture", "panel", "corner", "side", "edge"),
        *("large", "small"),
    )
)


@lru_cache(4096)
def place_phrase(place: str) -> str:
    """Turn a place into a phrase: 'top left' -> 'in the top left', 'Speech bubble' -> 'in a speech bubble'.

    Returns an empty string when `place` is a sentence, or when it is unclear which preposition fits.
    """
    place = place.replace("_", " ").strip(" .,;:")
    if not place or len(place) > 160 or _VERB.search(place) or ". " in place:
        return ""
    lowercase = place.lower()
    if lowercase in _SIMPLE_PLACES:
        return _SIMPLE_PLACES[lowercase]
    if found := _ORDINAL_PLACE.fullmatch(place):
        return "in " + ordinal(found[1].lower(), int(found[2]))
    if ", " in place:
        phrases = [place_phrase(part) for part in place.split(", ")]
        return ", ".join(phrases) if all(phrases) else ""
    if _SIDE_OF.match(place):
        return "to the " + place[:1].lower() + place[1:]
    if _PREPOSITION.match(place):
        return place[:1].lower() + place[1:]
    has_determiner = _WITH_DETERMINER.match(place)
    if _CONTAINER.match(place):
        noun = place[:1].lower() + place[1:] if place[1:2].islower() and "'" not in place.split(" ")[0] else place
        return "in " + (noun if has_determiner or "'" in place.split(" ")[0] else with_article(noun))
    head = re.split(r"\b(?:of|in|on|above|near|with|behind|between|next|under|below)\b", place, maxsplit=1)[0]
    areas = _AREA.findall(head)
    if areas and len(head.split()) <= 5:
        name = "'" in head or (place[:1].isupper() and re.split("[ -]", lowercase)[0] not in _AREA_WORDS)
        noun = place if name and not has_determiner else place[:1].lower() + place[1:]
        corner = len(areas) > 1 or lowercase.startswith(("upper", "lower"))
        area = areas[-1].lower()
        preposition = "in" if corner and area != "side" else _AREA_PREPOSITION.get(area, "in")
        return f"{preposition} {noun if has_determiner or name else 'the ' + noun}"
    if has_determiner:
        return "on " + place[:1].lower() + place[1:]
    if _SURFACE.fullmatch(head.strip()):
        return "on the " + lowercase[:1] + place[1:]
    if "'s " in place:
        return "on " + place
    return "on the " + place if place[:1].islower() and len(place.split()) <= 6 else ""
