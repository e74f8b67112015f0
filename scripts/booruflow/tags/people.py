"""Counts of people among the general tags (`1girl`, `2boys`, `no_humans`), which many models expect first."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_COUNT = re.compile(r"(?:(\d+)\+?|multiple_)(girl|boy|other)s?")
_KINDS = ("girl", "boy", "other")
NO_HUMANS = "no_humans"

LAST = 1 << 20
"""The rank of all other tags."""


def people_ranks(names: Sequence[str]) -> NDArray[np.int64]:
    """The place of each name among counts of people: girls, boys, others, each by number and `multiple_` last; else `LAST`."""
    return np.fromiter(map(_rank, names), np.int64, len(names))


@lru_cache(maxsize=1 << 18)
def _rank(name: str) -> int:
    if name == NO_HUMANS:
        return LAST - 1
    found = _COUNT.fullmatch(name)
    return LAST if found is None else _KINDS.index(found[2]) << 8 | min(int(found[1] or 255), 255)
