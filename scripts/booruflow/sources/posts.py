"""Posts: the id list of the run with the metadata of each post, sorted by id. Every later step starts from it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.jobs import WARNING
from booruflow.core.streams import Stream, aligned
from booruflow.core.tables import open_table
from booruflow.core.whitespace import one_line
from booruflow.sources.ratings import RatingReader
from booruflow.sources.tables.columns import Column
from booruflow.sources.tables.sorted_rows import sorted_rows

TAG_CATEGORIES = ("general", "artist", "character", "copyright", "meta")

Schema = dict[str, type[pl.DataType] | pl.DataType]

POSTS_SCHEMA: Schema = {
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

EXTRA_SCHEMA: Schema = {
    "fav_count": pl.Int32,
    "created_at": pl.Datetime("ms"),
    "md5": pl.String,
    "parent_id": pl.Int64,
    "source": pl.String,
    "is_deleted": pl.Boolean,
    "is_banned": pl.Boolean,
}
"""Further columns, each only in the posts.parquet of metadata that have it. Times are UTC. What is not known is
null, as is the parent of a post without one."""

OPTIONAL = ("image_width", "image_height", "file_ext", *EXTRA_SCHEMA)
"""Columns that a metadata file may lack without a word in the config."""


def metadata_columns(names: Mapping[str, str | None]) -> list[Column]:
    """The columns to read beside the id, from the config section inputs.columns (None: the files have no such column)."""
    columns = []
    types = {name: POSTS_SCHEMA[name] for name in list(POSTS_SCHEMA)[1:-1]} | EXTRA_SCHEMA
    for name, dtype in types.items():
        remedy = f"set inputs.columns.{name} to the right column" + ("" if name == "general" else ", or to null if there is none")
        columns.append(Column(name, names.get(name), dtype, name not in OPTIONAL, remedy))
    return columns


def posts_schema(found: Collection[str], names: Mapping[str, str | None]) -> Schema:
    """The columns of the posts of metadata whose files have the columns `found`, by the config section inputs.columns."""
    return POSTS_SCHEMA | {name: dtype for name, dtype in EXTRA_SCHEMA.items() if names.get(name) in found}


def posts_schema_of(files: Sequence[str], names: Mapping[str, str | None]) -> Schema:
    """The columns of the posts of these parquet files."""
    return posts_schema({name for path in files for name in open_table(path).schema_arrow.names}, names)


def posts_of(files: Sequence[str], names: Mapping[str, str | None], spool: Path) -> Stream:
    """Metadata files as a sorted stream of their `posts_schema_of`; prints what is noteworthy about the ratings.

    Args:
        files: parquet files.
        names: the config section inputs.columns.
        spool: folder for sorting, see `booruflow.sources.tables.sorted_rows.sorted_rows`.

    Raises:
        UserError: as `sorted_rows`; or there are no rows.
    """
    ratings, rows = RatingReader(), 0
    schema = posts_schema_of(files, names)
    columns = [column for column in metadata_columns(names) if column.name in schema]
    parent = [pl.when(pl.col("parent_id") > 0).then("parent_id")] if "parent_id" in schema else []  # Gelbooru writes 0 for none
    unknown = [pl.when(pl.col(name) != "").then(name) for name in ("file_ext", "md5", "source") if name in schema]
    for frame in sorted_rows(files, str(names["id"]), columns, spool, "metadata"):
        rows += len(frame)
        tags = [one_line(frame[name].fill_null("")) for name in TAG_CATEGORIES]
        yield frame.with_columns(
            *tags,
            ratings.letters(frame["rating"]),
            *parent,
            *unknown,
            has_metadata=pl.lit(True),
        ).select(list(schema))
    if not rows:
        raise UserError(f"{', '.join(files)}: no posts, as no file has rows: name other files under inputs.metadata")
    for note in ratings.notes():
        print(f"{WARNING}{note}")


def id_list(metadata: Sequence[str], id_column: str, resolutions: str | None, spool: Path) -> Stream:
    """The ids of the run as a sorted stream: those of the table `resolutions` if there is one, else those of the metadata.

    Raises:
        UserError: as `booruflow.sources.tables.sorted_rows.sorted_rows`.
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
