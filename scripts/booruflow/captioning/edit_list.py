"""Rule edit_list: the bad outputs of a shard that nobody has edited yet, for a person to edit."""

from collections.abc import Collection, Iterable
from pathlib import Path

import orjson
import polars as pl

from booruflow.captioning.fixed import DIGEST, is_edited, read_edited, text_digest
from booruflow.core.errors import UserError
from booruflow.core.idjson import read_entries
from booruflow.core.streams import Stream


def unedited_entries(bad: str | Path, edited: Collection[int]) -> Stream:
    """The entries of a bad_{n}.json that are not among the ids `edited`, each with the digest of its text."""
    ids = pl.Series(list(edited), dtype=pl.Int64).implode()
    for frame in read_entries(bad):
        yield frame.filter(~pl.col("id").is_in(ids)).with_columns(pl.col("value").map_elements(_with_digest, pl.String))


def _with_digest(value: str) -> str:
    entry = orjson.loads(value)
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
