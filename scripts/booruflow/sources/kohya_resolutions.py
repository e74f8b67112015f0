"""The resolutions in an existing metadata file of kohya's sd-scripts, converted to parquet."""

from pathlib import Path

import polars as pl

from booruflow.core.tables import write_stream
from booruflow.sources.json_object import Json, post_rows

KOHYA_SCHEMA = {
    "id": pl.Int64,
    "train_width": pl.Int32,
    "train_height": pl.Int32,
    "image_width": pl.Int32,
    "image_height": pl.Int32,
}
"""Columns of converted/resolutions.parquet: sizes in pixels, null where the file does not have them."""


def kohya_to_parquet(path: str | Path, target: str | Path) -> int:
    """Write the resolutions of a kohya metadata JSON as parquet with the columns of KOHYA_SCHEMA, in file order.

    Entries have `train_resolution` (sd-scripts up to v0.9), `image_size` (from v0.10), both, or neither.
    Returns: the number of entries.

    Raises:
        UserError: as `booruflow.sources.json_object.post_rows`.
    """
    return write_stream(target, post_rows([path], _resolutions_of, KOHYA_SCHEMA), KOHYA_SCHEMA)


def _resolutions_of(entry: Json) -> tuple[int | None, ...]:
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    return (*_size(entry.get("train_resolution")), *_size(entry.get("image_size")))


def _size(value: Json) -> tuple[int, int] | tuple[None, None]:
    match value:
        case None:
            return None, None
        case [int() | float() as width, int() | float() as height] if _is_pixels(width) and _is_pixels(height):
            return int(width), int(height)
    raise ValueError(f"{value!r} is not [width, height]")


def _is_pixels(number: float) -> bool:
    """Whether a JSON number is a positive integer, perhaps written as `64.0`; true and false are integers to Python."""
    return number is not True and 0 < number < 1 << 31 and number == int(number)
