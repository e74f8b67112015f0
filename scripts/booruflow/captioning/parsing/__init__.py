"""What a vision-language model said, as one clean caption paragraph, or the reason why it is none.

`reading` turns raw output into a value, `prose` and `pieces` say any value in English, `judging` finds loops and refusals.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from booruflow.captioning.parsing.artist import with_artist
from booruflow.captioning.parsing.judging import loops, refuses
from booruflow.captioning.parsing.prose import paragraph_of
from booruflow.captioning.parsing.reading import OBJECT, Reading, Reason, bare, leaks, read_json, read_text
from booruflow.captioning.parsing.values import Pairs, Value
from booruflow.captioning.parsing.words import clean

__all__ = ["Bad", "Good", "Options", "Outcome", "Reason", "loops", "parse", "parse_edited", "with_artist"]


@dataclass(frozen=True, slots=True)
class Options:
    """How to parse: at most so many characters described (None: all); keep the sound part of broken outputs."""

    max_characters: int | None = None
    salvage: bool = True


@dataclass(frozen=True, slots=True)
class Good:
    """A caption; `repaired` when the output was damaged, cut or looped and the caption is what was sound of it."""

    caption: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Bad:
    """An output that is no caption."""

    reason: Reason


Outcome: TypeAlias = Good | Bad

# What is left of a broken output is a caption when it has a whole section, and at least so many characters.
_LEAST = 40


def parse(text: str, finish_reason: str = "stop", style: str = "json", options: Options = Options()) -> Outcome:
    """One output as a caption, or the reason why it is none. Raises nothing, whatever `text` is.

    Args:
        text: the model's output, verbatim.
        finish_reason: 'stop', 'length' (cut at the token limit) or 'repetition' (stopped by the guard).
        style: the prompt's style: 'json', 'markdown', or one that asks for plain prose.
        options: see `Options`.
    """
    text = bare(text)
    if not re.search(r"\w", text):
        return Bad(Reason.REPETITION if loops(text) is not None else Reason.EMPTY)
    if refuses(text):
        return Bad(Reason.REFUSAL)
    try:
        as_json = style == "json" or text[0] in '{["' or OBJECT.search(text) is not None
        reading = (read_json if as_json else read_text)(text, finish_reason)
        if isinstance(reading, Reason):
            return Bad(reason=reading)
        if (reading.repaired or not as_json) and leaks(reading.value):
            return Bad(reading.broken or Reason.NOT_JSON)
        return _judged(reading, finish_reason, options)
    except RecursionError:  # a thousand brackets in a row
        return Bad(Reason.WRONG_TYPE)


def _judged(reading: Reading, finish_reason: str, options: Options) -> Outcome:
    if not options.salvage:
        if reading.broken:
            return Bad(reading.broken)
        if finish_reason == "length":
            return Bad(Reason.TRUNCATED)
    caption = paragraph_of(reading.value, options.max_characters)
    if refuses(caption):
        return Bad(Reason.REFUSAL)
    if reading.broken and (len(caption) < _LEAST or len(paragraph_of(reading.whole, options.max_characters)) < _LEAST):
        return Bad(reading.broken)
    if not re.search(r"\w", caption):
        return Bad(Reason.WRONG_TYPE if _has_number(reading.value) else Reason.EMPTY)
    return Good(caption, reading.repaired)


def _has_number(value: Value) -> bool:
    if isinstance(value, Pairs):
        return any(_has_number(inner) for _, inner in value)
    if isinstance(value, list):
        return any(map(_has_number, value))
    return isinstance(value, int | float)


def parse_edited(entry: object, style: str = "json", options: Options = Options()) -> Outcome:
    """An edited entry as a caption: `{"caption": prose typed by a person}`, or `{"text": output mended by a person}`.

    A caption is taken as it is, but for white space and control characters; it wins over a text beside it.
    """
    if not isinstance(entry, dict):
        return Bad(Reason.WRONG_TYPE)
    caption, text = entry.get("caption"), entry.get("text")
    if isinstance(caption, str):
        typed = clean(caption)
        return Good(typed) if typed else Bad(Reason.EMPTY)
    if caption is None and isinstance(text, str):
        return parse(text, "stop", style, options)
    return Bad(Reason.WRONG_TYPE)
