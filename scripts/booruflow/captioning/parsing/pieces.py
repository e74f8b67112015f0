"""The pieces that a caption is made of, and how each is said."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeAlias

from booruflow.captioning.parsing.words import capital, listed, lowered, mentions, plural, quoted, stopped


@dataclass(slots=True)
class Sentence:
    """Prose that stands on its own."""

    text: str


@dataclass(slots=True)
class Fragment:
    """Words that need their key to be understood: 'short and brown' under `hair`."""

    text: str
    label: str = ""
    leads: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Lettering:
    """Lettering in the picture, what leads up to it and what is remarked on it.

    `subject` is what it stands in ('speech bubble', 'text'), or who says it when `spoken`.
    """

    text: str
    subject: str
    spoken: bool = False
    leads: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    scene: int = 0  # leads hold within one scene


Piece: TypeAlias = Sentence | Fragment | Lettering

_ALREADY_QUOTED = re.compile(
    r"""(?:"[^"]+"|“[^”]+”|'[^']+'(?=,| (?:at|in|on|above|below|under|and|to|with)\b))[ ,].*\w.*""", re.DOTALL
)
# Labels that read well as a sentence: 'The eyes are blue.'
_IS = frozenset(
    [
        "eyes",
        "eye color",
        "hair",
        "hair color",
        "hair style",
        "hairstyle",
        "hair length",
        "skin",
        "skin tone",
        "skin color",
        "mood",
        "atmosphere",
        "lighting",
        "tone",
        "background",
        "expression",
        "facial expression",
        "style",
        "art style",
        "weather",
        "gender",
        "ears",
        "tail",
        "setting",
        "color palette",
        "color scheme",
    ]
)


def say(pieces: Sequence[Piece]) -> Iterator[str]:
    """Sentences; neighbours with one subject, or one label, share a sentence."""
    start = 0
    while start < len(pieces):
        first = pieces[start]
        group = [first, *takewhile(_same(first), pieces[start + 1 :])]
        start += len(group)
        if isinstance(first, Sentence):
            yield first.text
        elif isinstance(first, Fragment):
            sentence = labelled(first.label, [piece.text for piece in group])
            if first.leads and first.leads[-1].endswith(":") and sentence.startswith(f"{capital(first.label)}:"):
                sentence = sentence.replace(":", "", 1)  # one colon is enough: 'Sword: color red.'
                sentence = sentence[:1].lower() + sentence[1:]
            yield led(first.leads, sentence)
        else:
            yield _written(first, [_phrase(piece) for piece in group if isinstance(piece, Lettering)])


def _same(first: Piece) -> Callable[[Piece], bool]:
    def joins(piece: Piece) -> bool:
        if isinstance(first, Lettering) and isinstance(piece, Lettering):
            same = (piece.subject, piece.spoken, piece.scene) == (first.subject, first.spoken, first.scene)
            return same and not piece.leads
        if isinstance(first, Fragment) and isinstance(piece, Fragment):
            return not piece.leads and piece.label == first.label != ""
        return False

    return joins


def _phrase(piece: Lettering) -> str:
    words = piece.text if _ALREADY_QUOTED.fullmatch(piece.text) else quoted(piece.text)
    return " ".join([words, *piece.remarks])


def _written(first: Lettering, phrases: Sequence[str]) -> str:
    if first.spoken:
        sentence = f"{first.subject} says {listed(phrases)}"
    else:
        noun = plural(first.subject) if len(phrases) > 1 else first.subject
        many = noun.endswith("s")
        the = "" if "'s " in noun else "the "
        noun = capital(noun) if not the else noun
        sentence = f"{the}{noun} {'read' if many else 'reads'} {listed(phrases)}"
    return led(first.leads, sentence)


def labelled(label: str, parts: Sequence[str]) -> str:
    """A sentence of fragments under one label: 'The eyes are blue.', 'Outfit: white shirt and black skirt.'"""
    parts = [part.rstrip(".") for part in parts]
    if not label:
        return stopped(capital(listed(parts)))
    if len(parts) == 1 and mentions(parts[0], label):
        return stopped(capital(parts[0]))
    if label in _IS and parts[0][:1].islower():
        return stopped(f"The {label} {'are' if plural(label) == label else 'is'} {listed(parts)}")
    return stopped(f"{capital(label)}: {listed(parts)}")


def led(leads: Sequence[str], sentence: str) -> str:
    """`sentence` after its leads: 'In the first panel, she smiles.', 'Senko: She smiles.'"""
    if leads:
        start = "".join(lead + (" " if lead.endswith(":") else ", ") for lead in leads)
        sentence = start + (sentence if leads[-1].endswith(":") else lowered(sentence))
    return stopped(capital(sentence))
