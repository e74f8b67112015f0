"""Removal of the incomplete or looping end of a value."""

from dataclasses import dataclass

from booruflow.captioning.parsing.json_values import Pairs, Value
from booruflow.captioning.parsing.outcome import Reason
from booruflow.captioning.parsing.text.grammar import complete_sentences
from booruflow.captioning.parsing.text.repetition import loops


@dataclass(frozen=True, slots=True)
class Content:
    """The value that an output contains.

    `repaired` if the output was damaged. `cut` is the reason if the end was removed; then `intact` is the value without its
    last part, which may be incomplete.
    """

    value: Value
    repaired: bool = False
    cut: Reason | None = None
    intact: Value = None


def without_incomplete_end(value: Value, cut: Reason) -> Content:
    """Cut the last text of `value`, which may be incomplete, after its last complete sentence."""
    return Content(_without_incomplete_sentence(value), True, cut, _without_last_entry(value))


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
