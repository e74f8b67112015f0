"""Parsing of a vision-language model's output into one clean caption paragraph, or the reason why that is impossible."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from booruflow.captioning.parsing.json_values import Pairs, Value, names_and_texts
from booruflow.captioning.parsing.outcome import Bad, Good, Outcome, Reason
from booruflow.captioning.parsing.paragraph import paragraph
from booruflow.captioning.parsing.reading.incomplete_ends import Content
from booruflow.captioning.parsing.reading.leftovers import has_json_syntax, has_leftovers
from booruflow.captioning.parsing.reading.output_reader import (
    CUT_BY_FINISH_REASON,
    is_json,
    read_json,
    read_text,
    unwrapped,
    with_nested_json,
)
from booruflow.captioning.parsing.reading.sections import has_section, only_sections, with_headings, without_sections
from booruflow.captioning.parsing.reading.thinking import without_thinking
from booruflow.captioning.parsing.text.refusal import refuses
from booruflow.captioning.parsing.text.repetition import loops


@dataclass(frozen=True, slots=True)
class Options:
    """How to parse."""

    max_characters: int | None
    """The most characters to describe; None for all."""
    salvage: bool
    """Whether to keep the intact part of outputs that were cut or that loop."""
    reasoning: Sequence[str] = ()
    """First words of titles of sections in which the model thinks, besides REASONING; they are never part of a caption."""
    prose: Sequence[str] = ()
    """First words of titles of the sections that are the caption; empty for the whole answer."""
    captions: Mapping[str, str] = field(default_factory=dict)
    """Names of the captions in one answer, each with the first words of its section's title; empty for one caption."""


REASONING = ("thoughts", "thinking", "reasoning")
"""First words of titles of sections in which models think."""

# The intact part of a cut or looping output must contain a complete section and this many characters of caption.
_MIN_SALVAGED_LENGTH = 40
_MAX_TEXTS = 10_000  # an answer of more values is no description


def parse(text: str, finish_reason: str, form: str, options: Options) -> Outcome:
    """Parse one output. Never raises, whatever `text` contains.

    Args:
        text: the model's output, verbatim.
        finish_reason: 'stop', 'length' (cut at the token limit) or 'repetition' (stopped by the repetition guard).
        form: the form of the answer that was asked for: 'json', 'markdown', or another for plain prose.
        options: see `Options`.
    """
    without_thoughts = without_thinking(text)
    answer = unwrapped(without_thoughts)
    if not re.search(r"\w", answer):
        if without_thoughts != text and (cut := CUT_BY_FINISH_REASON.get(finish_reason)):
            return Bad(cut)
        return Bad(Reason.REPETITION if loops(text) is not None else Reason.EMPTY)
    if refuses(answer):
        return Bad(Reason.REFUSAL)
    try:
        as_json = form == "json" or is_json(answer)
        if as_json:
            content = read_json(answer, finish_reason)
        else:
            content = read_text(with_headings(answer, [*options.prose, *options.captions.values()]), finish_reason)
        if isinstance(content, Reason):
            return Bad(content)
        damaged = content.repaired if as_json else "{" in answer
        content = without_sections(content, (*REASONING, *options.reasoning))
        if options.captions and has_section(content, tuple(options.captions.values())):
            return _several(content, damaged, options)
        chosen = only_sections(content, tuple(options.prose)) if options.prose else content
        return _outcome_of(chosen, damaged, options)
    except RecursionError:  # a thousand nested brackets
        return Bad(Reason.WRONG_TYPE)


def _several(content: Content, damaged: bool, options: Options) -> Outcome:
    """The first caption of an answer that has several, with those of the others that are good."""
    outcomes = {
        name: _outcome_of(only_sections(content, (title,)), damaged, options)
        for name, title in options.captions.items()
        if has_section(content, (title,))
    }
    first = outcomes.pop(next(iter(options.captions)), Bad(content.cut or Reason.WRONG_TYPE))
    others = {name: outcome.caption for name, outcome in outcomes.items() if isinstance(outcome, Good)}
    return replace(first, others=others) if isinstance(first, Good) else first


def _outcome_of(content: Content, damaged: bool, options: Options) -> Outcome:
    """The caption that the whole of `content` makes; `damaged` if the answer may hold remains of JSON."""
    names, texts = names_and_texts(content.value)
    if any("{" in text or "[" in text for text in texts):
        content = replace(content, value=with_nested_json(content.value), intact=with_nested_json(content.intact))
        names, texts = names_and_texts(content.value)
    if len(texts) > _MAX_TEXTS:
        return Bad(Reason.WRONG_TYPE)
    if has_leftovers(names, texts, damaged=damaged):
        return Bad(content.cut or Reason.NOT_JSON)
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


def parse_edited(entry: object, form: str, options: Options) -> Outcome:
    """Parse an edited entry: `{"caption": a typed caption}` or `{"text": an output that a person corrected}`.

    A caption is taken as typed, without white space at its ends, as existing captions are; what a trainer could misread is made
    safe in the texts for that trainer. If it contains JSON, it is an output in the wrong field and parsed like a text. It
    takes precedence over a text.
    """
    if not isinstance(entry, dict):
        return Bad(Reason.WRONG_TYPE)
    caption, text = entry.get("caption"), entry.get("text")
    if isinstance(caption, str):
        if has_json_syntax(caption):
            return parse(caption, "stop", form, options)
        typed = caption.strip()
        return Good(typed) if typed else Bad(Reason.EMPTY)
    if caption is None and isinstance(text, str):
        return parse(text, "stop", form, options)
    return Bad(Reason.WRONG_TYPE)
