"""What the workflow makes of a text while a person edits it: the rules' own functions and settings, and where a fault lies."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from booruflow.captioning.parse import ParserSettings
from booruflow.captioning.parsing.artist_sentence import with_artist
from booruflow.captioning.parsing.outcome import Bad, Good, Reason
from booruflow.captioning.parsing.parser import parse, parse_edited
from booruflow.captioning.parsing.text.refusal import refusal_in
from booruflow.captioning.parsing.text.repetition import loops

Span = tuple[int, int]
_OPENING = re.compile(r"[{\[]")
_MARKED = 12
"""Characters that are marked from the place on where JSON cannot be read."""


@dataclass(frozen=True)
class Parsed:
    """An outcome. `caption` is None for a bad text, and then `reason` is set.

    `fault` is where the text is at fault, [start, end) in characters, if that can be told. `sound` is the caption that the
    setting `captions.salvage` would keep.
    """

    caption: str | None
    reason: str = ""
    fault: Span | None = None
    sound: str | None = None


def parsed_text(text: str, finish_reason: str, artists: Sequence[str], settings: ParserSettings) -> Parsed:
    """An output as the rules `parse` and, where a person has edited it and `finish_reason` is 'stop', `fixed` read it."""

    def captioned(outcome: Good) -> str:
        return with_artist(outcome.caption, artists, settings.artist_sentence)

    outcome = parse(text, finish_reason, settings.answer, settings.options)
    if isinstance(outcome, Good):
        return Parsed(captioned(outcome))
    salvaged = parse(text, finish_reason, settings.answer, replace(settings.options, salvage=True))
    if isinstance(salvaged, Bad) and outcome.reason is Reason.NOT_JSON:
        # what ends in mid-JSON, or goes on as something else, is read as if the token limit had cut it there
        salvaged = parse(text, "length", settings.answer, replace(settings.options, salvage=True))
    sound = captioned(salvaged) if isinstance(salvaged, Good) else None
    return Parsed(None, str(outcome.reason), fault_in(text, outcome.reason), sound)


def parsed_caption(caption: str, settings: ParserSettings) -> Parsed:
    """A typed caption as the rule `fixed` takes it."""
    outcome = parse_edited({"caption": caption}, settings.answer, settings.options)
    if isinstance(outcome, Good):
        return Parsed(outcome.caption)
    return Parsed(None, str(outcome.reason), fault_in(caption, outcome.reason))


def fault_in(text: str, reason: Reason) -> Span | None:
    """Where a bad text is at fault, if that can be told."""
    end = len(text.rstrip())
    if not end:
        return None
    if reason is Reason.REPETITION:
        start = loops(text)
        return None if start is None else (start, end)
    if reason is Reason.REFUSAL:
        return refusal_in(text)
    if reason is Reason.TRUNCATED:
        return _last_sentence(text, end)
    return _json_fault(text, end) if reason is Reason.NOT_JSON else None


def _last_sentence(text: str, end: int) -> Span:
    """What follows the last sentence that is complete."""
    start = max(text.rfind(mark, 0, end) for mark in (". ", '."', "! ", "? ", "。"))
    start = start + 1 if start >= 0 else 0
    return (start, end) if start < end else (0, end)


def _json_fault(text: str, end: int) -> Span | None:
    """From the place on where a JSON reader stops."""
    opening = _OPENING.search(text)
    if opening is None:
        return (0, end)
    try:
        json.JSONDecoder(strict=False).raw_decode(text, opening.start())
    except json.JSONDecodeError as error:
        at = min(error.pos, end - 1)
        return at, min(at + _MARKED, end)
    except RecursionError:
        return None
    return None
