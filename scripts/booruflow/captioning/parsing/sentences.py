"""The pieces that a caption consists of, and how they become sentences."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from booruflow.captioning.parsing.text.grammar import (
    capitalized,
    join_list,
    lower_first,
    mentions,
    plural,
    quoted,
    with_full_stop,
)


@dataclass(slots=True)
class Sentence:
    """Prose that is complete on its own."""

    text: str


@dataclass(slots=True)
class Fragment:
    """Words that need their label to be understood: 'short and brown' under `hair`."""

    text: str
    label: str = ""
    leads: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ImageText:
    """Text shown in the image.

    `subject` is what contains it ('speech bubble', 'text'), or who says it if `spoken`. `leads` are introductory phrases
    ('in the first panel'), `remarks` follow the text ('in the top left').
    """

    text: str
    subject: str
    spoken: bool = False
    leads: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    scene: int = 0  # texts of different scenes do not share a sentence


Piece: TypeAlias = Sentence | Fragment | ImageText

_ALREADY_QUOTED = re.compile(
    r"""(?:"[^"]+"|“[^”]+”|'[^']+'(?=,| (?:at|in|on|above|below|under|and|to|with)\b))[ ,].*\w.*""", re.DOTALL
)
_PREDICATE_LABELS = frozenset(
    (
        *("eyes", "eye color", "hair", "hair color", "hair style", "hairstyle", "hair length", "ears", "tail", "gender"),
        *("skin", "skin tone", "skin color", "expression", "facial expression", "mood", "atmosphere", "lighting", "tone"),
        *("background", "style", "art style", "weather", "setting", "color palette", "color scheme"),
    )
)
"""Labels that read well as the subject of a sentence: 'The eyes are blue.'"""


def render(pieces: Sequence[Piece]) -> Iterator[str]:
    """Render pieces as sentences; adjacent pieces with the same subject or label share one."""
    end = 0
    while end < len(pieces):
        first, start = pieces[end], end
        joins = _shares_sentence_with(first)
        end += 1
        while end < len(pieces) and joins(pieces[end]):
            end += 1
        group = pieces[start:end]
        if isinstance(first, Sentence):
            yield first.text
        elif isinstance(first, Fragment):
            sentence = labelled_sentence(first.label, [piece.text for piece in group])
            if first.leads and first.leads[-1].endswith(":") and sentence.startswith(f"{capitalized(first.label)}:"):
                sentence = sentence.replace(":", "", 1)  # avoid a second colon: 'Sword: color red.'
                sentence = sentence[:1].lower() + sentence[1:]
            yield with_leads(first.leads, sentence)
        else:
            yield _image_text_sentence(first, [_phrase(piece) for piece in group if isinstance(piece, ImageText)])


def _shares_sentence_with(first: Piece) -> Callable[[Piece], bool]:
    def joins(piece: Piece) -> bool:
        if isinstance(first, ImageText) and isinstance(piece, ImageText):
            same = (piece.subject, piece.spoken, piece.scene) == (first.subject, first.spoken, first.scene)
            return same and not piece.leads
        if isinstance(first, Fragment) and isinstance(piece, Fragment):
            return not piece.leads and piece.label == first.label != ""
        return False

    return joins


def _phrase(piece: ImageText) -> str:
    words = piece.text if _ALREADY_QUOTED.fullmatch(piece.text) else quoted(piece.text)
    return " ".join([words, *piece.remarks])


def _image_text_sentence(first: ImageText, phrases: Sequence[str]) -> str:
    if first.spoken:
        sentence = f"{first.subject} says {join_list(phrases)}"
    else:
        noun = plural(first.subject) if len(phrases) > 1 else first.subject
        many = noun.endswith("s")
        the = "" if "'s " in noun else "the "
        noun = capitalized(noun) if not the else noun
        sentence = f"{the}{noun} {'read' if many else 'reads'} {join_list(phrases)}"
    return with_leads(first.leads, sentence)


def labelled_sentence(label: str, parts: Sequence[str]) -> str:
    """Join fragments with the same label: 'The eyes are blue.', 'Outfit: white shirt and black skirt.'"""
    parts = [part.rstrip(".") for part in parts]
    if not label:
        return with_full_stop(capitalized(join_list(parts)))
    if len(parts) == 1 and mentions(parts[0], label):
        return with_full_stop(capitalized(parts[0]))
    if label in _PREDICATE_LABELS and parts[0][:1].islower():
        return with_full_stop(f"The {label} {'are' if plural(label) == label else 'is'} {join_list(parts)}")
    return with_full_stop(f"{capitalized(label)}: {join_list(parts)}")


def with_leads(leads: Sequence[str], sentence: str) -> str:
    """Put introductory phrases in front of a sentence: 'In the first panel, she smiles.', 'Senko: She smiles.'"""
    if leads:
        start = "".join(lead + (" " if lead.endswith(":") else ", ") for lead in leads)
        sentence = start + (sentence if leads[-1].endswith(":") else lower_first(sentence))
    return with_full_stop(capitalized(sentence))
