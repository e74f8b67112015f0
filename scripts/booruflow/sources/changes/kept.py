"""The posts of the run before, kept beside the table of changes: Snakemake deletes posts.parquet before it makes a new one.

Two tables are kept: `now.parquet`, the posts of the last comparison, and `before.parquet`, those that they were compared with.
Posts that differ from `now` push it to the place of `before`. So a run without a change, or after a kill, compares the same two
again.
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import writing
from booruflow.core.streams import Stream, aligned
from booruflow.core.tables import read_stream, write_stream
from booruflow.sources.posts import POSTS_SCHEMA, TAG_CATEGORIES

KEPT_SCHEMA = {name: POSTS_SCHEMA[name] for name in ("id", "rating", *TAG_CATEGORIES)}
"""Columns of posts that are kept and compared."""


def keep_posts(posts: str | Path, folder: Path) -> Path | None:
    """Keep the present posts, unless they are those of the last comparison; return the table of the run before, if there is one.

    Killed at any moment, it does the same when it is called again.

    Args:
        posts: posts.parquet.
        folder: the two kept tables are in it.

    Raises:
        UserError: a kept table is damaged, or the folder cannot be written.
    """
    now, before = folder / "now.parquet", folder / "before.parquet"
    if not now.exists() or differ(read_kept(now), read_stream(posts, list(KEPT_SCHEMA))):
        with writing(before):
            if now.exists():
                now.replace(before)
        write_stream(now, read_stream(posts, list(KEPT_SCHEMA)), KEPT_SCHEMA, compression="zstd")
    return before if before.exists() else None


def differ(left: Iterable[pl.DataFrame], right: Iterable[pl.DataFrame]) -> bool:
    """Whether two sorted streams of equal columns have different rows."""
    return any(not one.equals(other) for one, other in aligned([left, right]))


def read_kept(path: Path) -> Stream:
    """A kept table as a stream of KEPT_SCHEMA.

    Raises:
        UserError: it is damaged.
    """
    try:
        yield from read_stream(path, list(KEPT_SCHEMA))
    except UserError as error:
        raise UserError(f"{path}: damaged: delete it; the next change of the posts is then compared with those of now") from error
