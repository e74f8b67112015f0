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

TRUTH = {"true": "t", "t": "t", "1": "t", "yes": "t", "false": "f", "f": "f", "0": "f", "no": "f"}

ISO_TIME = (
    r"^\s*(?<day>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2}:\d{2})(?:\.(?<fraction>\d+))?"
    r" ?(?:Z|UTC|(?<sign>[+-])(?<hours>\d{2}):?(?<minutes>\d{2})?)?)?\s*$"
)
"""A date, and perhaps a time and a zone, as Danbooru, e621 and BigQuery write them."""

INT32 = (-(2**31), 2**31 - 1)

EXACT_BITS = {pa.float16(): 11, pa.float32(): 24, pa.float64(): 53}
"""Floats hold all integers up to 2 to this power, and not all above."""


@dataclass(frozen=True)
class Column:
    """A column to read.

    Attributes:
        name: its name in the result.
        source: its name in the files; None if the files have no such column, then it is null.
        dtype: pl.String for text, pl.Int32 or pl.Int64 for integers (of 64 bits: post ids), pl.Boolean, or pl.Datetime for a
            time (UTC).
        required: whether each file must have it; it is null in a file that lacks it.
        remedy: what to do about a file that lacks it.
    """

    name: str
    source: str | None
    dtype: type[pl.DataType] | pl.DataType
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
            values = _values(batch.column(column.source), column.dtype, str(column.source), place)
        else:
            values = pl.Series([None] * len(batch), dtype=pl.Null)
        series.append(values.cast(column.dtype).alias(column.name))
    return pl.DataFrame(series)


def _values(array: pa.Array, dtype: type[pl.DataType] | pl.DataType, name: str, place: Place) -> pl.Series:
    if dtype == pl.String:
        return texts(array, name, place)
    if dtype == pl.Boolean:
        return truth_values(array, name, place)
    if dtype == pl.Datetime:
        return times(array, name, place)
    return integers(array, name, place, *(INT32 if dtype == pl.Int32 else (0, MAX_ID)))


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


def truth_values(array: pa.Array, name: str, place: Place) -> pl.Series:
    """Booleans, or their spellings as text or as 0 and 1; text for missing values and empty text are null.

    Raises:
        UserError: a value is something else; its row is named.
    """
    if pa.types.is_boolean(array.type):
        return pl.Series(array)
    if not (is_text(array.type) or pa.types.is_integer(array.type)):
        return _no_values(array, name, place, "true or false").cast(pl.Boolean)
    given = pl.Series(array).cast(pl.String).str.strip_chars().str.to_lowercase()
    values = given.replace_strict(TRUTH | dict.fromkeys((*NO_NUMBER, None)), default="?", return_dtype=pl.String)
    if (values == "?").any():
        _refuse(array, int((values == "?").arg_max() or 0), name, place, "true or false")
    return values == "t"


def times(array: pa.Array, name: str, place: Place) -> pl.Series:
    """Times as Datetime (UTC, milliseconds), from time stamps, dates, seconds since 1970, or text.

    Text begins with a date `2019-05-01`; a time and a zone (`T12:34:56.789-04:00`, ` 12:34:56 UTC`) may follow. Gelbooru's form
    (`Sat May 01 12:34:56 -0500 2019`) is read as well. Text for missing values and empty text are null.

    Raises:
        UserError: a value is something else; its row is named.
    """
    kind = "a time such as 2019-05-01T12:34:56Z"
    if pa.types.is_temporal(array.type) and not pa.types.is_time(array.type) and not pa.types.is_duration(array.type):
        moments = pl.Series(array)
        if isinstance(moments.dtype, pl.Datetime) and moments.dtype.time_zone:
            moments = moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return moments.cast(pl.Datetime("ms"))
    if pa.types.is_integer(array.type):
        return (integers(array, name, place, 0, 1 << 40, kind) * 1000).cast(pl.Datetime("ms"))
    if not is_text(array.type):
        return _no_values(array, name, place, kind).cast(pl.Datetime("ms"))
    given = pl.Series(array)
    found = _times_of_text(given)
    invalid = found.is_null() & given.is_not_null() & ~given.str.strip_chars().str.to_lowercase().is_in(NO_NUMBER)
    if invalid.any():
        _refuse(array, int(invalid.arg_max() or 0), name, place, kind)
    return found


def _times_of_text(given: pl.Series) -> pl.Series:
    parts = given.str.extract_groups(ISO_TIME).struct.unnest().cast(pl.String)
    day = parts["day"] + "T" + parts["time"].fill_null("00:00:00")
    local = day.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms", strict=False)
    fraction = ("0." + parts["fraction"]).cast(pl.Float64).fill_null(0) * 1000
    sign = (parts["sign"] == "-").fill_null(False).cast(pl.Int64) * 2 - 1  # what is west of Greenwich is behind UTC
    minutes = sign * (parts["hours"].cast(pl.Int64) * 60 + parts["minutes"].cast(pl.Int64)).fill_null(0)
    moments = (local.cast(pl.Int64) + fraction.floor().cast(pl.Int64) + minutes * 60_000).cast(pl.Datetime("ms"))
    if moments.null_count() > given.null_count():
        others = given.str.to_datetime("%a %b %d %H:%M:%S %z %Y", time_unit="ms", time_zone="UTC", strict=False)
        moments = moments.zip_with(moments.is_not_null(), others.dt.replace_time_zone(None))
    return moments


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
