"""The outcome of parsing one output: a caption, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """A caption; `repaired` if the output was damaged, cut or looping and the caption is the intact part of it.

    `others` are the further captions of an answer that has several, by name.
    """

    caption: str
    repaired: bool = False
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bad:
    """An output without a usable caption."""

    reason: Reason


Outcome: TypeAlias = Good | Bad
