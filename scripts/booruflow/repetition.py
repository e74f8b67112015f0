"""Telling a text that goes round in circles from one that goes on."""

from collections.abc import Hashable, Sequence

LONGEST_PERIOD = 64
"""The longest circle that is looked for, in tokens (or words)."""
ROUNDS = 4
"""So many rounds of a circle are a loop,"""
SHORTEST_LOOP = 48
"""if they are at least so many tokens (or words) together: a cry of ten `ha` is none."""


def loops(items: Sequence[Hashable]) -> bool:
    """True when the end of `items` (token ids, or words) repeats one phrase again and again."""
    for period in range(1, LONGEST_PERIOD + 1):
        needed = max((ROUNDS - 1) * period, SHORTEST_LOOP - period)
        if len(items) < needed + period:
            continue
        if all(items[-i] == items[-i - period] for i in range(1, needed + 1)):
            return True
    return False
