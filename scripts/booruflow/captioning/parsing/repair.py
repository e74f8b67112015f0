"""Repair of damaged JSON, removal of the incomplete end of an output, and checks that nothing was lost or garbled."""

import re
from dataclasses import dataclass

import json_repair

from booruflow.captioning.parsing.json_values import Pairs, Value
from booruflow.captioning.parsing.key_roles import Role, read_key
from booruflow.captioning.parsing.outcome import Reason
from booruflow.captioning.parsing.text.grammar import complete_sentences
from booruflow.captioning.parsing.text.repetition import loops


@dataclass(frozen=True, slots=True)
class Content:
    """The value that an output contains.

    `cut` is the reason if the end was removed; then `intact` is the value without its last part, which may be incomplete.
    """

    value: Value
    repaired: bool = False
    cut: Reason | None = None
    intact: Value = None


_WORD_CHARACTER = re.compile(r"\w")
_NOT_CONTENT = re.compile(r"\\[nrt]|\\u[0-9a-fA-F]{4}|//[^\n]*|/\*.*?\*/", re.DOTALL)  # escapes and comments
_CLOSED = re.compile(r"""["']\s*[,}\]]""")
_SYNTAX = re.compile(r"""\s*[:,]|.*?(?:"\s*:\s*["\[{\d]|["'][\]}]?\s*,\s*"?\w+"?\s*:|[{\[]\s*"\w+"\s*:)""", re.DOTALL)
_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z\d]*)+")


def repair_json(text: str, cut: Reason | None) -> Content | Reason:
    """Repair damaged JSON.

    Args:
        text: the output from its first bracket on.
        cut: why the end of `text` is missing; None when it may be complete.
    """
    try:
        value = _with_pairs(json_repair.loads(text, skip_json_loads=True))
    except ValueError:
        return Reason.NOT_JSON
    if not isinstance(value, list | Pairs) or not value or _loses_words(text, value, cut):
        return cut or Reason.NOT_JSON
    if not any(map(_WORD_CHARACTER.search, _texts(value, names=False))):
        return cut or Reason.NOT_JSON
    closed = _is_closed(text, value)
    if cut is None and not closed:
        cut = Reason.TRUNCATED
    if cut is None:
        return Content(value, repaired=True)
    if closed:
        return Content(value, True, cut, value)
    return Content(_without_incomplete_sentence(value), True, cut, _without_last_entry(value))


def _with_pairs(value: object) -> Value:
    if isinstance(value, dict):
        return Pairs((str(name), _with_pairs(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return [_with_pairs(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


# --- checks


def has_leftover_syntax(value: Value) -> bool:
    """Whether a text in a repaired `value` contains JSON syntax, such as `", "background": "`, or the name of a key."""
    return any(
        ('"' in text and _SYNTAX.match(text))
        or text.startswith((":", ","))
        or any(read_key(name).role is not Role.LABEL for name in _SNAKE_CASE.findall(text))
        for text in _texts(value, names=False)
    ) or any('"' in name or "\n" in name for name in _names(value))


def _loses_words(text: str, value: Value, cut: Reason | None) -> bool:
    """Whether the repair lost words: json_repair keeps only the last of duplicate keys, and skips what it cannot place."""
    before = len(_WORD_CHARACTER.findall(_NOT_CONTENT.sub(" ", text)))
    after = sum(len(_WORD_CHARACTER.findall(_NOT_CONTENT.sub(" ", part))) for part in _texts(value, names=True))
    tolerance = max(30, before // 25) if cut or not text.endswith(("}", "]")) else 5  # word characters
    return before - after > tolerance


def _is_closed(text: str, value: Value) -> bool:
    """Whether the last text of `value` is complete at the end of `text`."""
    if text.rstrip(" \t\r\n,").endswith(("}", "]")):
        return True
    last = _last_text(value)
    position = text.rfind(last[-12:]) if last else -1
    rest = text[position + len(last[-12:]) :].lstrip() if position >= 0 else ""
    return _CLOSED.match(rest) is not None or (rest in ('"', "'") and complete_sentences(last) == last)


def _names(value: Value) -> list[str]:
    if isinstance(value, Pairs):
        return [name for outer, inner in value for name in (outer, *_names(inner))]
    return [name for inner in value for name in _names(inner)] if isinstance(value, list) else []


def _texts(value: Value, names: bool) -> list[str]:
    """All scalars as strings, with the names of keys if `names`."""
    if isinstance(value, Pairs):
        return [text for name, inner in value for text in ([name] * names + _texts(inner, names))]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner, names)]
    return [str(value)]


def _last_text(value: Value) -> str:
    while isinstance(value, list | Pairs) and value:
        value = value[-1][1] if isinstance(value, Pairs) else value[-1]
    return value.strip() if isinstance(value, str) else ""


# --- removal of incomplete ends


def _without_incomplete_sentence(value: Value) -> Value:
    """Cut the last text after its last complete sentence; remove the text when it has none."""
    if isinstance(value, str):
        return complete_sentences(value) or None
    if isinstance(value, Pairs) and value:
        name, last = value[-1]
        kept = _without_incomplete_sentence(last)
        return Pairs([*value[:-1], *([(name, kept)] if kept is not None else [])]) or None
    if isinstance(value, list) and value:
        kept = _without_incomplete_sentence(value[-1])
        return [*value[:-1], *([kept] if kept is not None else [])] or None
    return None


def _without_last_entry(value: Value) -> Value:
    """Remove the last entry of the outermost object or list that has more than one."""
    while isinstance(value, list | Pairs) and len(value) == 1:
        value = value[0][1] if isinstance(value, Pairs) else value[0]
    if isinstance(value, Pairs):
        return Pairs(value[:-1])
    return value[:-1] if isinstance(value, list) else None


def without_loops(value: Value) -> Value:
    """Cut each text that loops after its last complete sentence before the loop."""
    if isinstance(value, str):
        loop_start = loops(value)
        return value if loop_start is None else complete_sentences(value[:loop_start])
    if isinstance(value, Pairs):
        return Pairs((name, without_loops(inner)) for name, inner in value)
    return [without_loops(inner) for inner in value] if isinstance(value, list) else value
