"""The progress of the caption shards, read from the folder of the data set."""

import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from booruflow.captioning.journal import journal_files, read_journal
from booruflow.core.errors import UserError

HEAD = f"{'shard':>6} {'posts':>9} {'journalled':>10} {'':>5}  state"


def progress_of(folder: Path) -> Iterator[str]:
    """A table as lines of text: a head, one line per shard, and the total.

    Raises:
        UserError: the folder of the data set, `folder`, holds no shards.
    """
    results = folder / "results"
    splits = sorted(results.glob("missing/split_*.parquet"), key=lambda path: int(path.stem.removeprefix("split_")))
    if not splits:
        raise UserError(
            f"{results}/missing: no split_<n>.parquet there: give the folder of a data set, or run `snakemake shards`"
        )

    @cache
    def ids_in(file: Path) -> NDArray[np.int64]:
        return np.array([entry["id"] for _, entry in read_journal(file)], dtype=np.int64)

    yield HEAD
    total_posts = total_journalled = 0
    for number, split in enumerate(splits):
        posts = pq.read_table(split, columns=["id"])["id"].to_numpy()
        journal = folder / "journal"
        # a trial has captioned some of the images already
        files = [path for place in (journal, *journal.glob("trial_*")) for path in journal_files(place, number, len(splits))]
        journalled = int(np.isin(posts, np.concatenate([np.empty(0, np.int64), *map(ids_in, files)])).sum())
        state = _last_written(files)
        if _is_done(split, results / f"captions/raw_{number}.jsonl"):
            left = len(posts) - journalled
            state = f"done, {left} skipped or failed" if left else "done"
        yield _line(str(number), len(posts), journalled, state)
        total_posts, total_journalled = total_posts + len(posts), total_journalled + journalled
    yield _line("all", total_posts, total_journalled, "")


def _is_done(split: Path, raw: Path) -> bool:
    """Whether the outputs are there, and not those of an earlier shard of this number."""
    return raw.exists() and raw.stat().st_mtime >= split.stat().st_mtime


def _line(name: str, posts: int, journalled: int, state: str) -> str:
    return f"{name:>6} {posts:>9} {journalled:>10} {journalled / max(posts, 1):>5.0%}  {state}".rstrip()


def _last_written(files: list[Path]) -> str:
    if not any(path.stat().st_size for path in files):
        return "no caption yet"
    return f"last caption {time.time() - max(path.stat().st_mtime for path in files):.0f} s ago"
