"""Statistics of the token file: what encoding dropped or did not know, and how long the records are."""

import json
import math
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole, read_json
from booruflow.core.tables import read_tsv
from booruflow.tokens.vocabulary import SECTION_ORDER

PERCENTILES = (1, 5, 25, 50, 75, 95, 99, 99.5, 99.9, 100)
_LENGTHS_SCHEMA = pl.Schema({"tokens": pl.Int64, "posts": pl.Int64})


@dataclass(slots=True)
class EncodingCounts:
    """Counts of posts, tokens and tags of the posts that were encoded.

    `repeated_tags` are tags that the post had already; `merged_labels` are other labels whose pieces are those of a label that it
    had. `truncated_*` count posts above the maximum length, and the labels and other tags dropped from them. `unknown` are the
    tags without a token, by category.
    """

    posts: int = 0
    tokens: int = 0
    repeated_tags: int = 0
    merged_labels: int = 0
    truncated_posts: int = 0
    truncated_labels: int = 0
    truncated_other_tags: int = 0
    unknown: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SECTION_ORDER, 0))

    def add(self, other: "EncodingCounts") -> None:
        """Add the counts of another batch."""
        self.posts += other.posts
        self.tokens += other.tokens
        self.repeated_tags += other.repeated_tags
        self.merged_labels += other.merged_labels
        self.truncated_posts += other.truncated_posts
        self.truncated_labels += other.truncated_labels
        self.truncated_other_tags += other.truncated_other_tags
        for category in SECTION_ORDER:
            self.unknown[category] += other.unknown[category]


@dataclass
class TokenStatistics:
    """Statistics of all records; `lengths[n]` posts need n tokens, before truncation to `max_length`."""

    max_length: int
    counts: EncodingCounts = field(default_factory=EncodingCounts)
    lengths: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))

    def add(self, counts: EncodingCounts, lengths: NDArray[np.int64]) -> None:
        """Add a batch; `lengths` (n,) are the untruncated lengths of its records."""
        self.counts.add(counts)
        total = np.bincount(lengths, minlength=self.lengths.size)
        total[: self.lengths.size] += self.lengths
        self.lengths = total

    def to_dict(self) -> dict[str, object]:
        """The counts, and mean and percentiles of the lengths: the content of tokens.json."""
        cumulative = np.cumsum(self.lengths)
        posts = int(cumulative[-1])
        mean = float(self.lengths @ np.arange(self.lengths.size)) / max(posts, 1)
        ranks = [math.ceil(posts * share / 100) for share in PERCENTILES]
        percentiles = dict(zip(map(str, PERCENTILES), np.searchsorted(cumulative, ranks).tolist(), strict=True))
        return {"max_length": self.max_length, **asdict(self.counts), "length": {"mean": round(mean, 3), **percentiles}}


def write_statistics(statistics: TokenStatistics, json_path: Path, lengths_path: Path) -> None:
    """Write the counts (JSON) and the table of lengths (TSV: tokens, posts).

    Raises:
        UserError: a file cannot be written.
    """
    with open_whole(json_path) as file:
        file.write(json.dumps(statistics.to_dict(), indent=1).encode() + b"\n")
    with open_whole(lengths_path) as file:
        file.write(b"tokens\tposts\n")
        file.writelines(b"%d\t%d\n" % (n, statistics.lengths[n]) for n in np.flatnonzero(statistics.lengths))


def read_statistics(path: str | Path) -> dict[str, Any]:
    """The content of tokens.json.

    Raises:
        UserError: it is missing or damaged.
    """
    content: dict[str, Any] = read_json(path)
    with suppress(TypeError, KeyError):
        numbers = [content[name] for name in ("max_length", "posts", "tokens", "truncated_posts")]
        numbers += [content["length"][name] for name in ("mean", "100")]
        if all(isinstance(number, int | float) for number in numbers):
            return content
    raise UserError(f"{path}: damaged: delete it and run `snakemake`, which builds it again")


def read_lengths(path: Path) -> NDArray[np.int64]:
    """The table of lengths: entry n is the number of posts that need n tokens.

    Raises:
        UserError: it is missing or damaged.
    """
    table = read_tsv(path, _LENGTHS_SCHEMA)
    lengths = np.zeros(int(table["tokens"].to_numpy().max(initial=0)) + 1, np.int64)
    lengths[table["tokens"].to_numpy()] = table["posts"].to_numpy()
    return lengths
