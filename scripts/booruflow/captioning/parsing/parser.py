"""Parsing of a vision-language model's output into one clean caption paragraph, or the reason why that is impossible."""

import re
from dataclasses import dataclass, replace

from booruflow.captioning.parsing.json_values import Pairs, Value, names_and_texts
from booruflow.captioning.parsing.outcome import Bad, Good, Outcome, Reason
from booruflow.captioning.parsing.paragraph import paragraph
from booruflow.captioning.parsing.reading.incomplete_ends import Content
from booruflow.captioning.parsing.reading.leftovers import has_json_syntax, has_leftovers
from booruflow.captioning.parsing.reading.output_reader import is_json, read_json, read_text, unwrapped, with_nested_json
from booruflow.captioning.parsing.text.cleaning import clean
from booruflow.captioning.parsing.text.refusal import refuses
from booruflow.captioning.parsing.text.repetition import loops


@dataclass(frozen=True, slots=True)
class Options:
    """How to parse."""

    max_characters: int | None
    """The most characters to describe; None for all."""
    salvage: bool
    """Whether to keep the intact part of outputs that were cut or that loop."""


# The intact part of a cut or looping output must contain a complete section and this many characters of caption.
_MIN_SALVAGED_LENGTH = 40
_MAX_TEXTS = 10_000  # an answer of more values is no description


def parse(text: str, finish_reason: str, style: str, options: Options) -> Outcome:
    """Parse one output. Never raises, whatever `text` contains.

    Args:
        text: the model's output, verbatim.
        finish_reason: 'stop', 'length' (cut at the token limit) or 'repetition' (stopped by the repetition guard).
        style: the style of the prompt: 'json', 'markdown', or one that asks for plain prose.
        options: see `Options`.
    """
    text = unwrapped(text)
    if not re.search(r"\w", text):
        return Bad(Reason.REPETITION if loops(text) is not None else Reason.EMPTY)
    if refuses(text):
        return Bad(Reason.REFUSAL)
    try:
        as_json = style == "json" or is_json(text)
        content = (read_json if as_json else read_text)(text, finish_reason)
        if isinstance(content, Reason):
            return Bad(content)
        names, texts = names_and_texts(content.value)
        if any("{" in text or "[" in text for text in texts):
            content = replace(content, value=with_nested_json(content.value), intact=with_nested_json(content.intact))
            names, texts = names_and_texts(content.value)
        if len(texts) > _MAX_TEXTS:
            return Bad(Reason.WRONG_TYPE)
        damaged = content.repaired if as_json else "{" in text
        if has_leftovers(names, texts, damaged=damaged):
            return Bad(content.cut or Reason.NOT_JSON)
        return _outcome_of(content, options)
    except RecursionError:  # a thousand nested brackets
        return Bad(Reason.WRONG_TYPE)


def _outcome_of(content: Content, options: Options) -> Outcome:
    if content.cut and not options.salvage:
        return Bad(content.cut)
    caption = paragraph(content.value, options.max_characters)
    if refuses(caption):
        return Bad(Reason.REFUSAL)
    if content.cut:
        intact = paragraph(content.intact, options.max_characters)
        if min(len(caption), len(intact)) < _MIN_SALVAGED_LENGTH:
            return Bad(content.cut)
    if not re.search(r"\w", caption):
        return Bad(Reason.WRONG_TYPE if _has_number(content.value) else Reason.EMPTY)
    return Good(caption, content.repaired)


def _has_number(value: Value) -> bool:
    if isinstance(value, Pairs):
        return any(_has_number(inner) for _, inner in value)
    if isinstance(value, list):
        return any(map(_has_number, value))
    return isinstance(value, int | float)


def parse_edited(entry: object, style: str, options: Options) -> Outcome:
    """Parse an edited entry: `{"caption": a typed caption}` or `{"text": an output that a person corrected}`.

    A caption is taken as it is, except for white space and control characters, unless it contains JSON, which is parsed like a
    text; it takes precedence over a text.
    """
    if not isinstance(entry, dict):
        return Bad(Reason.WRONG_TYPE)
    caption, text = entry.get("caption"), entry.get("text")
    if isinstance(caption, str):
        if has_json_syntax(caption):
            return parse(caption, "stop", style, options)
        typed = clean(caption)
        return Good(typed) if typed else Bad(Reason.EMPTY)
    if caption is None and isinstance(text, str):
        return parse(text, "stop", style, options)
    return Bad(Reason.WRONG_TYPE)
