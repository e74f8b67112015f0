"""Columns of other tools' tables: which types are read as post ids, as integers and as text. Everything else is refused.

No value is changed to make it fit: an integer is never cut from a fraction, a boolean or a date, and text never made of a
list or a number. A column without any value may have any type, as writers choose one at random for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from booruflow.core.errors import UserError
from booruflow.core.idjson import MAX_ID_DIGITS
from booruflow.core.tables import require_columns

MAX_ID = 10**MAX_ID_DIGITS - 1
"""The largest post id."""

NO_NUMBER = ("", "#n/a", "<na>", "n/a", "na", "nan", "none", "null", r"\n")
"""What text columns hold in place of a number that is missing, in lower case: pandas, R, SQL, and `\\N` of MySQL and Postgres."""

INT32 = (-(2**31), 2**31 - 1)

EXACT_BITS = {pa.float16(): 11, pa.float32(): 24, pa.float64(): 53}
"""Floats hold all integers up to 2 to this power, and not all above."""


@dataclass(frozen=True)
class Column:
    """A column to read.

    Attributes:
        name: its name in the result.
        source: its name in the files; None if the files have no such column, then it is null.
        dtype: pl.String for text or pl.Int32 for integers.
        required: whether each file must have it; it is null in a file that lacks it.
        remedy: what to do about a file that lacks it.
    """

    name: str
    source: str | None
    dtype: type[pl.DataType]
    required: bool = True
    remedy: str = "name the right column in the config"


@dataclass(frozen=True)
class Place:
    """Where a part of a table is, for messages: the file, and the number of the part's first row."""

    path: str | Path
    first_row: int


def check_columns(path: str | Path, names: Sequence[str], columns: Sequence[Column]) -> None:
    """Raise a UserError about the first of `columns` that a file has twice, or lacks although it is required."""
    for column in columns:
        if column.source is not None and (column.required or column.source in names):
            require_columns(path, names, [column.source], column.remedy)


def converted(batch: pa.RecordBatch, id_name: str, columns: Sequence[Column], place: Place) -> pl.DataFrame:
    """A part of a table as `id` and `columns`; those without a source or not in `batch` are null.

    Raises:
        UserError: a value does not fit its column; file and row are named.
    """
    series = [post_ids(batch.column(id_name), id_name, place).alias("id")]
    for column in columns:
        if column.source in batch.schema.names:
            array, source = batch.column(column.source), str(column.source)
            values = texts(array, source, place) if column.dtype == pl.String else integers(array, source, place, *INT32)
        else:
            values = pl.Series([None] * len(batch), dtype=pl.Null)
        series.append(values.cast(column.dtype).alias(column.name))
    return pl.DataFrame(series)


def post_ids(array: pa.Array, name: str, place: Place) -> pl.Series:
    """A part of an id column as Int64 without nulls; raises a UserError as `integers`, and for an id that is missing."""
    ids = integers(array, name, place, 0, MAX_ID, "a post id")
    if ids.null_count():
        _refuse(array, int(ids.is_null().arg_max() or 0), name, place, "a post id")
    return ids


def integers(array: pa.Array, name: str, place: Place, lowest: int, highest: int, kind: str = "an integer") -> pl.Series:
    """Integers, floats with integer values, or text of either (`800`, `800.0`), as Int64; NaN and empty text are null.

    Args:
        array: the values, without dictionary encoding.
        name: of the column.
        place: of the values.
        lowest: the least value accepted.
        highest: the greatest value accepted.
        kind: what the values should be, for messages.

    Raises:
        UserError: a value is something else, is out of range, or too large to be exact in its type; its row is named.
    """
    if pa.types.is_integer(array.type):
        given = pl.Series(array)
        whole = given.cast(pl.Int64, strict=False)
    elif pa.types.is_floating(array.type):
        given = pl.Series(array).fill_nan(None)
        is_exact = (given == given.floor()) & (given.abs() <= 2 ** EXACT_BITS[array.type])
        whole = given.cast(pl.Int64, strict=False).set(~is_exact, None)
    elif is_text(array.type):
        given = pl.Series(array)
        whole = given.cast(pl.Int64, strict=False)
        rows = (whole.is_null() & given.is_not_null()).arg_true()
        if len(rows):
            other = given.gather(rows).str.strip_chars().str.to_lowercase()
            digits = other.str.extract(r"^([+-]?[0-9]+)(?:\.0*)?$").cast(pl.Int64, strict=False)
            whole = whole.scatter(rows, digits)
            given = given.scatter(rows.filter(other.is_in(NO_NUMBER)), None)
    else:
        return _no_values(array, name, place, kind).cast(pl.Int64)
    # of the methods of a series min and max are fast; is_between builds a query each time
    within = whole.null_count() == len(whole) or (int(whole.min()) >= lowest and int(whole.max()) <= highest)  # type: ignore[arg-type]
    if not within or whole.null_count() > given.null_count():
        invalid = given.is_not_null() & ~whole.is_between(lowest, highest).fill_null(False)
        _refuse(array, int(invalid.arg_max() or 0), name, place, kind)
    return whole


def texts(array: pa.Array, name: str, place: Place) -> pl.Series:
    """Text as it is; raises a UserError for values of any other type."""
    return pl.Series(array) if is_text(array.type) else _no_values(array, name, place, "text").cast(pl.String)


def is_text(dtype: pa.DataType) -> bool:
    """Whether values of an Arrow type are text."""
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype))


def plain(array: pa.Array) -> pa.Array:
    """Values without dictionary encoding (pandas' `category`), and bytes as text; the text may be invalid UTF-8."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_binary(array.type):
        return array.view(pa.string())
    if pa.types.is_large_binary(array.type):
        return array.view(pa.large_string())
    return array


def _no_values(array: pa.Array, name: str, place: Place, kind: str) -> pl.Series:
    """Nulls; a UserError if a value of `array`, whose type does not fit, is neither null nor NaN."""
    missing = pl.Series(array.is_null(nan_is_null=True))
    if not missing.all():
        row = int((~missing).arg_max() or 0)
        _refuse(array, row, f"{name} ({array.type})", place, kind, "write the column in another type")
    return pl.Series([None] * len(array), dtype=pl.Null)


def _refuse(array: pa.Array, row: int, name: str, place: Place, kind: str, remedy: str = "fix or remove the row") -> None:
    shown = repr(array[row].as_py())
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    raise UserError(f"{place.path}: row {place.first_row + row}: {name} is {shown}, not {kind}: {remedy}")
