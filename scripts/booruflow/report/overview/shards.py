"""The outcomes of the caption shards, and what their captions cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from booruflow.captioning.parse import read_raw
from booruflow.core.errors import UserError
from booruflow.core.files import read_json
from booruflow.core.idjson import decode_object, read_entries, read_entry_ids

REPAIRED, FALLBACK, FAILED = "good, repaired", "good, by the fallback", "failed"

BATCHED = ("transformers", "tipo")
"""The backends that generate in batches: the times of their answers are shares of the batch's, so they add up. Waiting for images
is not in them."""


@dataclass
class ShardFigures:
    """Of one shard, or of several together."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Posts by outcome: `good`, REPAIRED, FALLBACK, FAILED, `bad: <reason>`, `skipped: <reason>`."""
    answers: int = 0
    """The outputs in raw, generated in any run."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    timed: int = 0
    """The answers whose time is known: those of the last run of the job, by the clock; where that has generated a part of them
    only, all of a backend that generates in batches, by their own times."""
    timed_tokens: int = 0
    """Those that the model wrote in these answers."""
    seconds: float = 0.0
    """The time of generating these answers."""
    measured: int = 0
    """The answers that the last run of the job generated, to which the rest refers."""
    loading_seconds: float = 0.0
    generating_seconds: float = 0.0
    """Without loading, with waiting for images."""
    waiting_seconds: float = 0.0
    """Of these the backend waited for images."""
    watt_seconds: float = 0.0
    """The energy of the GPU while generating, where it could be read."""
    models: Counter[str] = field(default_factory=Counter)
    """Jobs by backend and model."""

    def add(self, other: "ShardFigures") -> None:
        """Add the figures of another shard."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def posts(self) -> int:
        """The number of posts."""
        return self.outcomes.total()

    def per_second(self, count: int) -> float | None:
        """A number of the timed answers, or of their tokens, a second; None where none was timed."""
        return count / self.seconds if self.seconds else None

    def whole_seconds(self) -> float | None:
        """The time of generating all answers, at the speed of those that were timed; None where none was."""
        return self.seconds * self.answers / self.timed if self.timed else None


def shard_figures(
    good: str | Path, bad: str | Path, skipped: str | Path, failed: str | Path, raw: str | Path, stats: str | Path
) -> ShardFigures:
    """The figures of one shard, given its files.

    Raises:
        UserError: a file is damaged.
    """
    figures = ShardFigures(count_outcomes(good, bad, skipped, failed))
    answer_seconds = 0.0
    for answer in read_raw(raw):
        figures.answers += 1
        figures.prompt_tokens += answer.get("prompt_tokens", 0)
        figures.completion_tokens += answer.get("completion_tokens", 0)
        answer_seconds += answer.get("seconds", 0.0)
    try:
        records = read_json(stats)
        for record in records:
            _add_record(figures, record)
        batches = all(record["identity"]["backend"] in BATCHED for record in records)
        tokens = sum(record["generated"]["completion_tokens"] for record in records)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{stats}: damaged: delete it and run `snakemake`, which builds it again") from error
    if batches and figures.measured < figures.answers:
        figures.timed, figures.timed_tokens, figures.seconds = figures.answers, figures.completion_tokens, answer_seconds
    else:
        figures.timed, figures.timed_tokens, figures.seconds = figures.measured, tokens, figures.generating_seconds
    return figures


def _add_record(figures: ShardFigures, record: Mapping[str, Any]) -> None:
    generated, identity = record["generated"], record["identity"]
    figures.models[f"{identity['backend']} {identity.get('model', '')}".strip()] += 1
    figures.measured += generated["captions"]
    for name in ("loading_seconds", "generating_seconds", "waiting_seconds"):
        setattr(figures, name, getattr(figures, name) + generated[name])
    figures.watt_seconds += (record.get("mean_watts") or 0) * generated["generating_seconds"]


def count_outcomes(good: str | Path, bad: str | Path, skipped: str | Path, failed: str | Path) -> Counter[str]:
    """Posts of one shard, given its files, per outcome.

    Raises:
        UserError: a file is damaged.
    """
    counts: Counter[str] = Counter()
    for frame in read_entries(good):
        counts.update(_kind_of_good(decode_object(good, *row)) for row in frame.iter_rows())
    for frame in read_entry_ids(failed):
        counts.update({FAILED: len(frame)} if len(frame) else {})
    for name, path in (("bad", bad), ("skipped", skipped)):
        for frame in read_entries(path):
            counts.update(f"{name}: {decode_object(path, *row, 'reason')['reason']}" for row in frame.iter_rows())
    return counts


def _kind_of_good(entry: Mapping[str, Any]) -> str:
    if entry.get("fallback"):
        return FALLBACK
    return REPAIRED if entry.get("repaired") else "good"


def in_groups(shards: Sequence[ShardFigures], count: int) -> list[tuple[str, ShardFigures]]:
    """At most `count` groups of consecutive shards, as equal as can be, each with its name: `3` or `4 to 7`."""
    size = max(-(-len(shards) // count), 1)
    groups = []
    for first in range(0, len(shards), size):
        members, group = shards[first : first + size], ShardFigures()
        for shard in members:
            group.add(shard)
        groups.append((str(first) if len(members) == 1 else f"{first} to {first + len(members) - 1}", group))
    return groups


def total_of(shards: Sequence[ShardFigures]) -> ShardFigures:
    """The figures of all shards together."""
    total = ShardFigures()
    for shard in shards:
        total.add(shard)
    return total
