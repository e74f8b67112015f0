"""Files of other tools that are not tables: read as they are, in any layout and order, and turned into parquet once."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ijson
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from booruflow.errors import UserError
from booruflow.files import written_whole
from booruflow.latents import RESOLUTIONS
from booruflow.posts import REQUIRED
from booruflow.progress import progress
from booruflow.streams import ROWS, Stream
from booruflow.tables import write_stream

CSV_BLOCK = 16 << 20
"""Bytes of CSV parsed at a time."""

CAPTIONS = {"id": pl.Int64, "caption": pl.String}
"""Columns of a captions table made from JSON."""

Json = str | float | bool | None | list["Json"] | dict[str, "Json"]


def csv_to_parquet(paths: Sequence[str | Path], target: str | Path, columns: Mapping[str, str]) -> int:
    """Write CSV files, each with a header, as one parquet file with the columns of the first; return the number of rows.

    Strings may be quoted, hold line breaks, and be empty: `""` is empty text and so is nothing at all. Rows stay in order.

    Raises:
        UserError: a file lacks a column of `columns` that another has, or has a broken row; file and row are named.
    """
    rows, writer = 0, None
    with written_whole(target) as part, progress(sum(Path(p).stat().st_size for p in paths), "CSV", "B") as bar:
        for path in paths:
            at = 0
            try:
                for batch in _open_csv(path, columns):
                    if writer is None:
                        writer = pq.ParquetWriter(part, batch.schema, compression="zstd", compression_level=1)
                    elif batch.schema.names != writer.schema.names:
                        raise UserError(f"{path}: its columns are not those of {paths[0]}, in that order: make them equal")
                    writer.write_batch(batch)
                    at += len(batch)
                    bar.update(batch.nbytes)
            except pa.ArrowInvalid as error:
                raise UserError(f"{path}: after row {at}: {str(error).splitlines()[0][:200]}: mend or drop the row") from error
            rows += at
        if writer is None:
            raise UserError(f"{paths[0]}: no rows: name another CSV file under inputs.metadata")
        writer.close()
    return rows


def _open_csv(path: str | Path, columns: Mapping[str, str]) -> pa.csv.CSVStreamingReader:
    try:
        with Path(path).open("rb") as file:
            names = next(csv.reader([file.readline().decode("utf-8-sig")]), [])
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file: mend the path in the config") from error
    missing = [columns[name] for name in ("id", *REQUIRED) if columns[name] not in names]
    if missing:
        raise UserError(f"{path}: no column '{missing[0]}' in the header; it has {', '.join(names)}: name the right column")
    whole = (columns["id"], columns["score"], columns["image_width"], columns["image_height"])
    types = {name: pa.int64() if name in whole else pa.string() for name in names}
    return pa.csv.open_csv(
        path,
        read_options=pa.csv.ReadOptions(block_size=CSV_BLOCK),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )


def captions_to_parquet(path: str | Path, target: str | Path) -> int:
    """Write a captions JSON (`{"<id>": {"caption": "..."}}` or `{"<id>": "..."}`) as parquet: `id`, `caption`."""
    return write_stream(target, _frames(path, _caption_of, CAPTIONS), CAPTIONS)


def kohya_to_parquet(path: str | Path, target: str | Path) -> int:
    """Write the resolutions of a kohya metadata JSON as parquet with the columns of `booruflow.latents.RESOLUTIONS`.

    Keys are ids or picture paths whose name is an id. Entries have `train_resolution` (up to v0.9), `image_size` or both.
    """
    return write_stream(target, _frames(path, _resolution_of, RESOLUTIONS), RESOLUTIONS)


def _caption_of(entry: Json) -> tuple[str | None]:
    text = entry.get("caption") if isinstance(entry, dict) else entry
    if not isinstance(text, str | None):
        raise TypeError("the caption is not a string")
    return (text,)


def _resolution_of(entry: Json) -> tuple[int | None, ...]:
    if not isinstance(entry, dict):
        raise TypeError("the entry is not an object")
    return (*_pair(entry.get("train_resolution")), *_pair(entry.get("image_size")))


def _pair(value: Json) -> tuple[int | None, int | None]:
    if value is None:
        return None, None
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(side, int | float) for side in value)):
        raise TypeError(f"{value!r} is not [width, height]")
    return int(value[0]), int(value[1])  # type: ignore[arg-type]


def _frames(path: str | Path, values_of: Callable[[Json], tuple[object, ...]], schema: Mapping[str, Any]) -> Stream:
    """The entries of a JSON object, in the file's order, as frames of `schema`."""
    rows: list[tuple[Any, ...]] = []
    for key, entry in _entries(path):
        try:
            rows.append((_id_of(key), *values_of(entry)))
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: key {key!r}: {error}: mend or drop the entry") from error
        if len(rows) == ROWS:
            yield _frame(path, rows, schema)
            rows = []
    yield _frame(path, rows, schema)


def _frame(path: str | Path, rows: list[tuple[Any, ...]], schema: Mapping[str, Any]) -> pl.DataFrame:
    try:
        return pl.DataFrame(rows, schema=dict(schema), orient="row")
    except UnicodeEncodeError as error:
        bad = next(row[0] for row in rows for value in row[1:] if isinstance(value, str) and not _encodes(value))
        raise UserError(f"{path}: key {bad}: a lone surrogate, which is not text: mend the entry") from error


def _encodes(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _id_of(key: str) -> int:
    stem = key.replace("\\", "/").rsplit("/", 1)[-1].split(".", 1)[0]
    if not (stem.isascii() and stem.isdigit()):
        raise ValueError("the key is neither a post id nor a path to <id>.<ext>")
    return int(stem)


def _entries(path: str | Path) -> Iterator[tuple[str, Json]]:
    try:
        with Path(path).open("rb") as file, progress(Path(path).stat().st_size, Path(path).name, "B") as bar:
            at = 0
            for pair in ijson.kvitems(file, "", use_float=True, buf_size=1 << 20):
                yield pair
                if file.tell() != at:
                    bar.update(file.tell() - at)
                    at = file.tell()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file: mend the path in the config") from error
    except ijson.JSONError as error:
        raise UserError(f"{path}: not valid JSON ({str(error).splitlines()[0]}): fetch or write it again") from error
