"""How far the caption shards are, read from what lies in the results folder."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from booruflow.captioning.journal import entries, files_for
from booruflow.core.errors import UserError

HEAD = f"{'shard':>6} {'posts':>9} {'journalled':>10} {'':>5}  state"


def progress_of(results: Path) -> Iterator[str]:
    """Lines for a person: a head, one line for each shard, and the sum.

    Raises:
        UserError: there are no shards below `results`.
    """
    splits = sorted(results.glob("missing/split_*.parquet"), key=lambda path: int(path.stem.removeprefix("split_")))
    if not splits:
        raise UserError(
            f"{results}/missing: no split_<n>.parquet there: name the results folder, or let the workflow make the shards"
        )
    yield HEAD
    all_posts = all_journalled = 0
    for number, split in enumerate(splits):
        posts = pq.read_table(split, columns=["id"])["id"].to_numpy()
        files = files_for(results / "journal", number, len(splits))
        known = np.array([entry["id"] for path in files for _, entry in entries(path)], dtype=np.int64)
        journalled = int(np.isin(posts, known).sum())
        state = "done" if (results / f"captions/raw_{number}.jsonl").exists() else _last_written(files)
        yield _line(str(number), len(posts), journalled, state)
        all_posts, all_journalled = all_posts + len(posts), all_journalled + journalled
    yield _line("all", all_posts, all_journalled, "")


def _line(name: str, posts: int, journalled: int, state: str) -> str:
    return f"{name:>6} {posts:>9} {journalled:>10} {journalled / max(posts, 1):>5.0%}  {state}".rstrip()


def _last_written(files: list[Path]) -> str:
    if not any(path.stat().st_size for path in files):
        return "no caption yet"
    return f"last caption {time.time() - max(path.stat().st_mtime for path in files):.0f} s ago"
