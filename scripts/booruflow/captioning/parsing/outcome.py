"""The outcome of parsing one output: a caption, or the reason why there is none."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Reason(StrEnum):
    """Why an output has no caption."""

    NOT_JSON = "not_json"
    TRUNCATED = "truncated"
    REPETITION = "repetition"
    REFUSAL = "refusal"
    EMPTY = "empty"
    WRONG_TYPE = "wrong_type"


@dataclass(frozen=True, slots=True)
class Good:
    """A caption; `repaired` if the output was damaged, cut or looping and the caption is the intact part of it."""

    caption: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Bad:
    """An output without a usable caption."""

    reason: Reason


Outcome: TypeAlias = Good | Bad
