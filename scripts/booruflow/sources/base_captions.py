"""Base captions: those that exist already, from tables or JSON files of other tools."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import spool_beside
from booruflow.core.streams import Stream
from booruflow.core.tables import sorted_rows

CAPTIONS = {"id": pl.Int64, "caption": pl.String}
"""Of a stream of captions."""


def joined(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """`id` and `caption`: the text columns joined by one space in the given order; rows without any text are left out.

    Null, NaN, empty and white space are all 'no text'. Line breaks inside a text stay.

    Raises:
        UserError: a column holds something other than text.
    """
    texts = []
    for name in columns:
        if frame[name].dtype.is_numeric():
            if not frame[name].is_null().all() and not (frame[name].dtype.is_float() and frame[name].is_nan().all()):
                raise UserError(f"column '{name}' holds numbers, not captions: name text columns under inputs.captions")
            continue
        stripped = pl.col(name).cast(pl.String).str.strip_chars()
        texts.append(pl.when(stripped != "").then(stripped))
    if not texts:
        return frame.head(0).select("id", caption=pl.lit("", pl.String))
    caption = pl.concat_str(texts, separator=" ", ignore_nulls=True)
    return frame.select("id", caption=caption).filter(pl.col("caption") != "")


def caption_sources(sources: Sequence[Mapping[str, Any]], tables: Sequence[str], target: str | Path) -> list[Stream]:
    """One sorted stream of `id` and `caption` per source of the config, in its order, and a first one without rows.

    Args:
        sources: of the config section inputs.captions.
        tables: parquet files, source by source; a source of JSON files has one, with `id` and `caption`.
        target: the product; unsorted tables are sorted beside it.
    """
    streams, left = [iter([pl.DataFrame(schema=CAPTIONS)])], iter(tables)
    for k, source in enumerate(sources):
        if source["files"][0] in tables:
            files, name, columns = [next(left) for _ in source["files"]], source["id"], source["columns"]
        else:
            files, name, columns = [next(left)], "id", ["caption"]
        rows = sorted_rows(files, name, columns, spool_beside(target, f"spool{k}"), f"captions {k + 1}")
        streams.append(joined_stream(rows, columns))
    return streams


def joined_stream(rows: Iterable[pl.DataFrame], columns: Sequence[str]) -> Stream:
    """`joined` on each frame."""
    for frame in rows:
        yield joined(frame, columns)


def caption_entries(stream: Iterable[pl.DataFrame]) -> Stream:
    """Entries `{"caption": ...}`: columns `id`, `value` (JSON text)."""
    for frame in stream:
        yield frame.select("id", value=pl.struct("caption").struct.json_encode())
