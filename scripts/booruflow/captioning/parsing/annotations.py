"""Phrases for values that annotate their neighbors: places, panels, speakers, kinds, translations."""

import re

from booruflow.captioning.parsing.json_values import is_sentence
from booruflow.captioning.parsing.key_roles import Key, Role
from booruflow.captioning.parsing.text.grammar import capitalized, lower_first, mentions, ordinal, quoted, with_article
from booruflow.captioning.parsing.text.places import place_phrase

TEXT_KIND = re.compile(
    r"\b(?:texts?|bubble|balloon|box|sign|signature|title|watermark|sounds?|effects?|sfx|onomatopoeia|dialog|dialogue|speech"
    r"|thought|narration|caption|logo|label|credit|banner|subtitle|letters?|lettering|poster|copyright|shout|whisper)\b",
    re.IGNORECASE,
)
"""Kinds of text in images."""
_CONTAINER = re.compile(r"\b(?:bubble|balloon|box)$")


def annotation_phrase(key: Key, text: str, subject: str, after_text: bool) -> str:
    """Phrase an annotation; empty when the value is not an annotation.

    Args:
        key: the key of the annotation.
        text: its value.
        subject: what contains the annotated text ('speech bubble'); empty where the neighbors are prose.
        after_text: whether the phrase follows text shown in the image, instead of introducing it.
    """
    if key.role is Role.PANEL:
        return _panel_phrase(text, key.words.split(" ")[0])
    unstopped = text.rstrip(".")
    short = len(text) < 80 and not is_sentence(text)
    if key.role is Role.PLACE:
        return place_phrase(text) or (f"({unstopped})" if after_text and short else "")
    if not subject:
        return ""
    if key.role is Role.SPEAKER:
        return f"said by {lower_first(speaker_name(unstopped))}" if after_text and short else ""
    if key.role is Role.TRANSLATION:
        return f"(which translates to {quoted(text)})" if after_text else f"translated as {quoted(text)}"
    if key.role is Role.LANGUAGE:
        return f"in {unstopped}" if short else ""
    if key.role is Role.MANNER:
        return f"({key.words}: {unstopped})" if after_text and len(text) < 80 else ""
    return ""


def _panel_phrase(text: str, noun: str) -> str:
    if text.isdigit():
        return "in " + ordinal(noun, int(text))
    if mentions(text, noun):
        return place_phrase(text)
    return place_phrase(f"{lower_first(text)} {noun}") if len(text.split()) <= 3 else ""


def speaker_name(text: str) -> str:
    """Name a speaker: 'Senko' stays, 'girl on the left' becomes 'The girl on the left'."""
    text = text.rstrip(".,:")
    if text[:1].isupper() or mentions(text.split(" ")[0], "the"):
        return text
    return capitalized(f"the {text}" if text[:1].islower() else text)


def kind_phrase(kind: str) -> str:
    """Phrase the kind of a text: 'in a speech bubble', '(sound effect)'."""
    return f"in {with_article(kind)}" if _CONTAINER.search(kind) else f"({kind})"
