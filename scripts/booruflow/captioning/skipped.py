"""The skipped file: the posts of a shard that cannot be captioned, each with the reason.

skipped_{n}.json is keyed by id: `"<id>": {"reason", "detail"}`; the detail is there only where there is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import orjson
import polars as pl

from booruflow.core.errors import Unreadable, UserError
from booruflow.core.idjson import decode_object, read_entries, write_entries
from booruflow.core.streams import Stream
from booruflow.sources.images.reasons import UNREADABLE

NO_METADATA = "no metadata"

SKIPPED_SCHEMA = {"id": pl.Int64, "reason": pl.String, "detail": pl.String}


@dataclass(frozen=True)
class Skip:
    """Why a post cannot be captioned."""

    reason: str
    detail: str | None = None


Skips: TypeAlias = dict[int, Skip]


def skip_unreadable(error: Unreadable) -> Skip:
    """The image cannot be used."""
    return Skip(UNREADABLE, str(error))


def write_skipped(path: Path, skips: Mapping[int, Skip]) -> None:
    """Write a skipped file."""
    ids = sorted(skips)
    values = [_value(skips[id_]) for id_ in ids]
    write_entries(path, [pl.DataFrame({"id": ids, "value": values}, schema={"id": pl.Int64, "value": pl.String})])


def _value(skip: Skip) -> str:
    detail = {} if skip.detail is None else {"detail": skip.detail}
    return orjson.dumps({"reason": skip.reason, **detail}).decode()


def read_skipped(path: str | Path) -> Stream:
    """A skipped file as a stream of SKIPPED_SCHEMA; `detail` is null where there is none.

    Raises:
        UserError: see `booruflow.core.idjson.read_entries`; or an entry is not of that form.
    """
    value = pl.Struct({name: SKIPPED_SCHEMA[name] for name in ("reason", "detail")})
    for frame in read_entries(path):
        try:
            decoded = frame.select("id", pl.col("value").str.json_decode(value)).unnest("value")
        except pl.exceptions.ComputeError:
            decoded = None
        if decoded is None or decoded["reason"].has_nulls():
            for row in frame.iter_rows():
                decode_object(path, *row, "reason")
            raise UserError(f"{path}: a detail that is no text: delete the file and run `snakemake`, which builds it again")
        yield decoded
