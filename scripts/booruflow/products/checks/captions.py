"""Consistency checks from the shards to meta_cap.json: nothing is lost and nothing is counted twice.

All run in the rule meta_cap, so that no file that a trainer reads is made of wrong captions. A check raises a UserError if what
its docstring states does not hold.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.idjson import decode_object, read_entries, read_entry_ids
from booruflow.core.streams import aligned
from booruflow.core.tables import read_stream
from booruflow.products.meta_cap import NO_CAPTION, caption_sources
from booruflow.sources.missing import without


class ShardFiles(Protocol):
    """Paths as the rules `meta_cap` and `style_captions` name their inputs; lists have one file per shard."""

    posts: str
    base: str
    splits: Sequence[str]
    good: Sequence[str]
    bad: Sequence[str]
    skipped: Sequence[str]
    failed: Sequence[str]


class CaptionFiles(ShardFiles, Protocol):
    """Paths as the rule `meta_cap` names its inputs."""

    fixed: Sequence[str]
    edits: Sequence[str]
    """edits.json, or nothing where there are no edits."""


def check_shard_files(files: ShardFiles) -> list[int]:
    """Run the checks of the shards; return the counts of good, bad, skipped and failed posts.

    Raises:
        UserError: a check failed.
    """
    outcomes = [
        check_shard(ShardLists(Path(split).stem, read_stream(split, ["id"]), [read_entries(path) for path in lists]))
        for split, *lists in zip(files.splits, files.good, files.bad, files.skipped, files.failed, strict=True)
    ]
    if outcomes:
        to_caption = without(read_stream(files.posts, ["id"]), read_entry_ids(files.base))
        check_shards(to_caption, [read_stream(split, ["id"]) for split in files.splits])
    return [sum(counts) for counts in zip(*outcomes, strict=True)] if outcomes else [0, 0, 0, 0]


def check_merged(files: CaptionFiles, outcomes: Sequence[int], merged: str | Path) -> dict[str, int]:
    """Compare meta_cap.json, the file `merged`, with its sources; return the counts of all checks of captions.

    `outcomes` are the counts of `check_shard_files`.

    Raises:
        UserError: a check failed.
    """
    good, bad, skipped, failed = outcomes
    (base, *generated), replaced, tags_only, captions = check_captions(
        caption_sources(files.base, [*files.good, *files.fixed]), read_entries(merged, "check captions")
    )
    return {
        "base_captions": base,
        "to_caption": good + bad + skipped + failed,
        "good": good,
        "bad": bad,
        "skipped": skipped,
        "failed": failed,
        "fixed": sum(generated[len(files.good) :]),
        **_edited(files.edits),
        "replaced_by_a_later_source": replaced,
        "tags_only": tags_only,
        "captions": captions,
    }


@dataclass(frozen=True)
class ShardLists:
    """The ids of one shard, and the lists of its outcomes (good, bad, skipped, failed), as streams."""

    name: str
    ids: Iterable[pl.DataFrame]
    outcomes: Sequence[Iterable[pl.DataFrame]]


def check_shard(shard: ShardLists) -> list[int]:
    """Every id of a shard is in exactly one of its outcomes; return how many are in each."""
    counts = [0] * len(shard.outcomes)
    for ids, *outcomes in aligned([shard.ids, *shard.outcomes]):
        in_outcomes = pl.concat([frame.select("id", shard=0, outcome=1) for frame in outcomes])
        tally = pl.concat([ids.select("id", shard=1, outcome=0), in_outcomes]).group_by("id").sum()
        wrong = tally.filter((pl.col("shard") != 1) | (pl.col("outcome") != 1))["id"]
        require_none(wrong.sort(), f"each id of shard {shard.name} is in exactly one of good, bad, skipped and failed")
        counts = [count + len(frame) for count, frame in zip(counts, outcomes, strict=True)]
    return counts


def check_shards(missing: Iterable[pl.DataFrame], shards: Sequence[Iterable[pl.DataFrame]]) -> None:
    """Every id without a base caption is in exactly one shard, and the shards have no other ids."""
    for missing_rows, *shard_rows in aligned([missing, *shards]):
        expected = missing_rows["id"]
        found = pl.concat([frame.select("id") for frame in shard_rows])["id"].sort()
        wrong = expected.filter(~expected.is_in(found.implode())).append(found.filter(~found.is_in(expected.implode())))
        wrong = wrong.append(found.filter(found.is_duplicated())).sort()
        require_none(wrong, "each post without a caption is in exactly one shard")


def _edited(paths: Sequence[str]) -> dict[str, int]:
    """How many edits take the place of what, from edits.json; `paths` is empty where there are no edits."""
    found: Counter[str] = Counter()
    for path in paths:
        for frame in read_entries(path):
            entries = (decode_object(path, *row) for row in frame.iter_rows())
            found.update(f"edited_{entry['replaced']}" for entry in entries if "replaced" in entry)
    return dict(sorted(found.items()))


def check_captions(sources: Sequence[Iterable[pl.DataFrame]], merged: Iterable[pl.DataFrame]) -> tuple[list[int], int, int, int]:
    """The merged captions are those of the sources, for each id the last one, unless that is NO_CAPTION.

    Returns:
        The counts of the sources, how many captions a later source replaced, of how many posts NO_CAPTION is the last, and the
        count of the merged captions.
    """
    counts, replaced, tags_only, total = [0] * len(sources), 0, 0, 0
    for *frames, result in aligned([*sources, merged]):
        given = [frame.select("id", "value") for frame in frames if len(frame)] or frames[:1]
        last = pl.concat(given).unique("id", keep="last", maintain_order=True) if len(given) > 1 else given[0]
        expected = last.filter(pl.col("value") != NO_CAPTION)
        if not expected.equals(result):
            both = expected.join(result, on="id", how="full", coalesce=True, suffix="_merged")
            wrong = both.filter(pl.col("value").ne_missing(pl.col("value_merged")))["id"]
            require_none(wrong, "meta_cap.json holds the latest caption of each id")
        counts = [count + len(frame) for count, frame in zip(counts, frames, strict=True)]
        replaced += sum(map(len, frames)) - len(last)
        tags_only += len(last) - len(expected)
        total += len(result)
    return counts, replaced, tags_only, total


def require_none(wrong: pl.Series, statement: str) -> None:
    """Raise a UserError if there are ids for which the statement does not hold."""
    if len(wrong):
        raise UserError(f"check failed: {statement}; not so for id {wrong[0]} and {len(wrong) - 1} more: rebuild with --forceall")
