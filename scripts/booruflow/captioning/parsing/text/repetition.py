"""Detection of endless repetition in generated text."""

import re
from collections import Counter

# A loop is at least MIN_COPIES copies in a row over at least MIN_LENGTH characters. Legitimate repetition such as
# 'HA HA HA HA' is shorter, and a good answer does not repeat the same 40 characters four times in a row.
MIN_COPIES = 4
MIN_LENGTH = 160
MIN_NUMBERED_COPIES = 10  # copies that differ in their digits only, as in `"text_11": "the", "text_12": "the"`
_MAX_PERIOD = 1500  # longest unit that is searched for, in characters
_PROBE = 24  # characters that must recur before the period is verified
_STRIDE = 40  # any MIN_LENGTH characters contain at least two probes
_SENTENCE = re.compile(r"[^.!?。！？]{24,}+(?:[.!?。！？]|\Z)")
_MAX_SENTENCE_COUNT = 5  # a sentence that occurs more often, anywhere in the text, is a loop too
_DIGITS_TO_ZERO = {ord(digit): "0" for digit in "123456789"}  # `text_11`, `text_12`, ... repeat as `text_00`


def loops(text: str) -> int | None:
    """Return the index just after the first copy of a unit that `text` repeats endlessly; None when it does not loop.

    A loop is the same unit (a word, a sentence, a JSON entry) at least `MIN_COPIES` times in a row
    over at least `MIN_LENGTH` characters, or one sentence six times anywhere. Intended for generated text of a few
    thousand characters, complete or still growing; takes tens of microseconds when there is no loop.
    """
    if len(text) < MIN_LENGTH:
        return None
    zeroed = text.translate(_DIGITS_TO_ZERO)
    for position in range(0, len(zeroed) - MIN_LENGTH // 2, _STRIDE):
        recurrence = zeroed.find(zeroed[position : position + _PROBE], position + 1, position + _MAX_PERIOD + _PROBE)
        if recurrence < 0:
            continue
        period = recurrence - position
        start = position - _equal_before(zeroed, position, recurrence)
        end = recurrence + _equal_after(zeroed, position, recurrence)
        exact = text[start + period : end] == text[start : end - period]
        if end - start >= max(MIN_LENGTH, (MIN_COPIES if exact else MIN_NUMBERED_COPIES) * period):
            return start + period
    return _end_of_repeated_sentence(text)


def _end_of_repeated_sentence(text: str) -> int | None:
    counts = Counter(_SENTENCE.findall(text))
    if max(counts.values(), default=0) <= _MAX_SENTENCE_COUNT:
        return None
    return next(found.end() for found in _SENTENCE.finditer(text) if counts[found[0]] > _MAX_SENTENCE_COUNT)


def _equal_after(text: str, left: int, right: int) -> int:
    """How many characters from `left` and from `right` on are equal; `left` < `right`."""
    count, step = 0, 32
    while text[left + count : left + count + step] == text[right + count : right + count + step]:
        count += step
        step *= 2
    while step := step // 2:
        if text[left + count : left + count + step] == text[right + count : right + count + step]:
            count += step
    return count


def _equal_before(text: str, left: int, right: int) -> int:
    """How many characters before `left` and before `right` are equal; `left` < `right`."""
    count, step = 0, 1
    while step <= left - count and text[left - count - step : left - count] == text[right - count - step : right - count]:
        count += step
        step *= 2
    while step := step // 2:
        if step <= left - count and text[left - count - step : left - count] == text[right - count - step : right - count]:
            count += step
    return count
