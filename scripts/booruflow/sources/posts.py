"""Posts: the id list of the run with the metadata of each, sorted by id. Every other step starts from it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.streams import Stream, aligned
from booruflow.core.tables import sorted_rows
from booruflow.core.whitespace import one_line

CATEGORIES = ("artist", "character", "copyright", "general", "meta")

REQUIRED = ("rating", "score", "general", "artist", "character", "copyright", "meta")
OPTIONAL = ("image_width", "image_height", "file_ext")

SCHEMA = {
    "id": pl.Int64,
    "rating": pl.String,
    "score": pl.Int32,
    **dict.fromkeys(("general", "artist", "character", "copyright", "meta"), pl.String),
    "image_width": pl.Int32,
    "image_height": pl.Int32,
    "file_ext": pl.String,
    "has_metadata": pl.Boolean,
}
"""Of posts.parquet. Tags are the booru's own tag strings: names with underscores, one space between; "" is none."""


def posts_of(files: Sequence[str], columns: Mapping[str, str], spool: Path) -> Stream:
    """Metadata files as a sorted stream of SCHEMA; `columns` maps our names to theirs.

    Raises:
        UserError: see `booruflow.core.tables.sorted_rows`; also a column of a wrong type.
    """
    theirs = [columns[name] for name in REQUIRED]
    optional = [columns[name] for name in OPTIONAL]
    for frame in sorted_rows(files, columns["id"], theirs, spool, "metadata", optional):
        try:
            rows = frame.select("id", *[pl.col(columns[name]).cast(SCHEMA[name]).alias(name) for name in (*REQUIRED, *OPTIONAL)])
        except pl.exceptions.PolarsError as error:
            brief = str(error).splitlines()[0][:160]
            raise UserError(f"{files[0]}: ids {frame['id'][0]} to {frame['id'][-1]}: {brief}: mend the column") from error
        tags = [one_line(rows[name].fill_null("")) for name in CATEGORIES]
        yield rows.with_columns(*tags, has_metadata=pl.lit(True)).select(list(SCHEMA))


def id_list(metadata: Sequence[str], column: str, resolutions: str | None, spool: Path) -> Stream:
    """The ids of the run as a sorted stream: those of the table `resolutions`, or without one, of the metadata's `column`.

    Raises:
        UserError: see `booruflow.core.tables.sorted_rows`.
    """
    return (
        sorted_rows([resolutions], "id", [], spool, "id list")
        if resolutions
        else sorted_rows(metadata, column, [], spool, "id list")
    )


def restricted(posts: Iterable[pl.DataFrame], ids: Iterable[pl.DataFrame]) -> Stream:
    """Posts for exactly the ids of a sorted stream; an id without metadata gets empty tags and `has_metadata` false."""
    for some, wanted in aligned([posts, ids]):
        yield (
            wanted.select("id")
            .join(some, on="id", how="left", maintain_order="left")
            .with_columns(pl.col(CATEGORIES).fill_null(""), pl.col("has_metadata").fill_null(False))
        )
