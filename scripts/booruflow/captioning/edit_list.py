"""Rule edit_list: the bad outputs of a shard that nobody has edited yet, for a person to edit."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from booruflow.captioning.fixed import DIGEST, is_edited, read_edited, text_digest
from booruflow.core.errors import UserError
from booruflow.core.idjson import decode_object, read_entries
from booruflow.core.streams import Stream


def unedited_entries(bad: str | Path, edited: Collection[int]) -> Stream:
    """The entries of a bad_{n}.json that are not among the ids `edited`, each with the digest of its text."""
    ids = pl.Series(list(edited), dtype=pl.Int64).implode()
    for frame in read_entries(bad):
        unedited = frame.filter(~pl.col("id").is_in(ids))
        values = [_with_digest(decode_object(bad, *row, "text")) for row in unedited.iter_rows()]
        yield unedited.with_columns(value=pl.Series(values, dtype=pl.String))


def _with_digest(entry: dict[str, Any]) -> str:
    return orjson.dumps(entry | {DIGEST: text_digest(entry["text"])}).decode()


def refuse_edited_lists(lists: Iterable[str | Path], folder: str) -> None:
    """Before lists are replaced: refuse if a person has edited one of them, and not a copy in `folder`.

    Raises:
        UserError: a list has an edited entry, or is not as it was written.
    """
    for path in filter(Path.exists, map(Path, lists)):
        edited = [post for post, entry in read_edited(path).items() if is_edited(entry)]
        if edited:
            raise UserError(
                f"{path}: edited (id {edited[0]} and {len(edited) - 1} more), and would be replaced: move it to {folder}/"
            )
