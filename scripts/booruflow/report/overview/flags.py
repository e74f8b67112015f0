"""Captions that look suspicious, by flag, with examples; from flags.parquet and counts.json of the rule quality."""

import hashlib
import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import read_json

SHOWN = 3
"""Examples of each flag."""


@dataclass
class Flag:
    """A flag that some captions have: their number by origin, and examples, (id, detail)."""

    name: str
    captions: Mapping[str, int]
    examples: list[tuple[int, str]] = field(default_factory=list)

    def total(self) -> int:
        """The number of captions with this flag."""
        return sum(self.captions.values())


@dataclass(frozen=True)
class Flags:
    """What was checked, and what was found."""

    captions: Mapping[str, int]
    """The captions that were checked, by origin."""
    found: list[Flag]
    """The flags that were looked for, most frequent first."""
    tokens: Mapping[str, str]
    """By text encoder, whether its tokens were `counted` or `estimated`."""


def read_flags(counts: str | Path, flags: Iterable[pl.DataFrame]) -> Flags:
    """The flags with examples, which depend on the ids alone.

    Args:
        counts: counts.json: `captions` by origin, `flags` by name and origin, `tokens` by text encoder.
        flags: a stream of flags.parquet, `id`, `flag` and `detail`.

    Raises:
        UserError: counts.json is damaged.
    """
    content: Any = read_json(counts)
    try:
        found = {name: Flag(name, dict(by_origin)) for name, by_origin in content["flags"].items()}
        checked, tokens = dict(content["captions"]), dict(content["tokens"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{counts}: damaged: delete it and run `snakemake`, which builds it again") from error
    for frame in flags:
        for (name,), rows in frame.partition_by("flag", as_dict=True).items():
            if flag := found.get(name):
                candidates = [*flag.examples, *rows.select("id", pl.col("detail").fill_null("")).iter_rows()]
                flag.examples = heapq.nsmallest(SHOWN, candidates, key=_order)
    return Flags(checked, sorted(found.values(), key=lambda flag: (-flag.total(), flag.name)), tokens)


def _order(example: tuple[int, str]) -> bytes:
    return hashlib.sha256(b"%d" % example[0]).digest()
