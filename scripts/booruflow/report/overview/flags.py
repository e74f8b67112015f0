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

MEANINGS = {
    "character_missing": "the prompt named a character, the caption does not",
    "character_unknown": "it names a character who is not in the tags",
    "colour_clothes": "a garment of another colour than in the tags",
    "colour_eyes": "eyes of another colour than in the tags",
    "colour_hair": "hair of another colour than in the tags",
    "common_opening": "it begins as more than half of the captions of its source do",
    "language": "much of it is not English",
    "long": "much longer than usual for its source",
    "over_225_tokens": "more than CLIP reads in three parts",
    "over_512_tokens": "more than T5 reads in Flux",
    "over_75_tokens": "more than CLIP reads at once",
    "people_number": "another number of people than in the tags",
    "people_sex": "another sex than in the tags",
    "prompt_echo": "it repeats words of the prompt",
    "repeated": "it says a sentence again and again",
    "short": "much shorter than usual for its source",
}
"""What each flag says of a caption."""

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
