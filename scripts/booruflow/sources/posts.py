"""Posts: the id list of the run with the metadata of each post, sorted by id. Every later step starts from it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from booruflow.core.errors import UserError, first_line
from booruflow.core.streams import Stream, aligned
from booruflow.core.whitespace import one_line
from booruflow.sources.sorted_rows import sorted_rows

TAG_CATEGORIES = ("general", "artist", "character", "copyright", "meta")

REQUIRED = ("rating", "score", *TAG_CATEGORIES)
OPTIONAL = ("image_width", "image_height", "file_ext")
"""Metadata columns beside the id, by the names of the config section inputs.columns."""

POSTS_SCHEMA = {
    "id": pl.Int64,
    "rating": pl.String,
    "score": pl.Int32,
    **dict.fromkeys(TAG_CATEGORIES, pl.String),
    "image_width": pl.Int32,
    "image_height": pl.Int32,
    "file_ext": pl.String,
    "has_metadata": pl.Boolean,
}
"""Columns of posts.parquet. Tags are the booru's own tag strings: names with underscores, separated by one space; "" is none."""


def posts_of(files: Sequence[str], columns: Mapping[str, str], spool: Path) -> Stream:
    """Metadata files as a sorted stream of POSTS_SCHEMA.

    Args:
        files: parquet files.
        columns: the name in the files of `id` and of each name in REQUIRED and OPTIONAL.
        spool: folder for sorting, see `booruflow.sources.sorted_rows.sorted_rows`.

    Raises:
        UserError: as `sorted_rows`; or a column has the wrong type.
    """
    required, optional = ([columns[name] for name in names] for names in (REQUIRED, OPTIONAL))
    for frame in sorted_rows(files, columns["id"], required, spool, "metadata", optional):
        try:
            rows = frame.select(
                "id", *[pl.col(columns[name]).cast(POSTS_SCHEMA[name]).alias(name) for name in (*REQUIRED, *OPTIONAL)]
            )
        except pl.exceptions.PolarsError as error:
            ids = f"ids {frame['id'][0]} to {frame['id'][-1]}"
            raise UserError(f"{files[0]}: {ids}: {first_line(error)}: fix the column") from error
        tags = [one_line(rows[name].fill_null("")) for name in TAG_CATEGORIES]
        yield rows.with_columns(*tags, has_metadata=pl.lit(True)).select(list(POSTS_SCHEMA))


def id_list(metadata: Sequence[str], id_column: str, resolutions: str | None, spool: Path) -> Stream:
    """The ids of the run as a sorted stream: those of the table `resolutions` if there is one, else those of the metadata.

    Raises:
        UserError: as `booruflow.sources.sorted_rows.sorted_rows`.
    """
    files, column = ([resolutions], "id") if resolutions else (metadata, id_column)
    return sorted_rows(files, column, [], spool, "id list")


def restrict(posts: Iterable[pl.DataFrame], ids: Iterable[pl.DataFrame]) -> Stream:
    """Posts with exactly the ids of a sorted stream; an id without metadata gets empty tags and `has_metadata` false."""
    for post_rows, wanted in aligned([posts, ids]):
        yield (
            wanted.select("id")
            .join(post_rows, on="id", how="left", maintain_order="left")
            .with_columns(pl.col(TAG_CATEGORIES).fill_null(""), pl.col("has_metadata").fill_null(False))
        )
