"""Base captions: those that exist already, in tables of other tools or converted from their JSON files."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import spool_beside
from booruflow.core.streams import Stream
from booruflow.sources.sorted_rows import sorted_rows

CAPTIONS_SCHEMA = {"id": pl.Int64, "caption": pl.String}
"""A stream of captions; also the columns of converted/captions_{k}.parquet."""


def caption_streams(
    sources: Sequence[Mapping[str, Any]], converted: Sequence[bool], tables: Sequence[str], target: str | Path
) -> list[Stream]:
    """One sorted stream of CAPTIONS_SCHEMA for each source of the config, in its order, preceded by one without rows.

    Args:
        sources: the config section inputs.captions.
        converted: for each source, whether its JSON files were converted to one table of CAPTIONS_SCHEMA.
        tables: parquet files, source by source: the converted table, or the files of the source.
        target: the product; unsorted tables are sorted beside it.

    Raises:
        UserError: as `sorted_rows`; or a caption column does not hold text.
    """
    streams: list[Stream] = [iter([pl.DataFrame(schema=CAPTIONS_SCHEMA)])]
    remaining = iter(tables)
    for k, (source, is_converted) in enumerate(zip(sources, converted, strict=True)):
        if is_converted:
            files, id_column, columns = [next(remaining)], "id", ["caption"]
        else:
            files, id_column, columns = [next(remaining) for _ in source["files"]], source["id"], source["columns"]
        rows = sorted_rows(files, id_column, columns, spool_beside(target, f"spool{k}"), f"captions {k + 1}")
        streams.append(map(partial(join_columns, columns=columns), rows))
    return streams


def join_columns(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """`id` and `caption`: the text columns joined by one space in the given order; rows without any text are left out.

    Null, NaN, empty text and white space alone are all 'no text'. Line breaks inside a text stay.

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


def caption_entries(stream: Iterable[pl.DataFrame]) -> Stream:
    """Entries `{"caption": ...}` of a stream of captions: columns `id`, `value` (JSON text)."""
    for frame in stream:
        yield frame.select("id", value=pl.struct("caption").struct.json_encode())
