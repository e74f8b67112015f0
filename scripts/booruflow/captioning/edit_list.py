"""Rule edit_list: the bad outputs of a shard and flagged captions that nobody has edited yet, for a person to edit."""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from booruflow.captioning.fixed import DIGEST, is_edited, read_edited, text_digest
from booruflow.core.errors import UserError
from booruflow.core.idjson import decode_object, read_entries
from booruflow.core.streams import Stream, semi_join
from booruflow.core.tables import read_stream

LIST_NAME = re.compile(r"edited_\d+\.json")


def unedited_entries(bad: str | Path, edited: Collection[int]) -> Stream:
    """The entries of a bad_{n}.json that are not among the ids `edited`, each with the digest of its text."""
    ids = pl.Series(list(edited), dtype=pl.Int64).implode()
    for frame in read_entries(bad):
        unedited = frame.filter(~pl.col("id").is_in(ids))
        values = [_with_digest(decode_object(bad, *row, "text")) for row in unedited.iter_rows()]
        yield unedited.with_columns(value=pl.Series(values, dtype=pl.String))


def _with_digest(entry: dict[str, Any]) -> str:
    return orjson.dumps(entry | {DIGEST: text_digest(entry["text"])}).decode()


def flagged_entries(captions: str | Path, flags: str | Path, queue: Sequence[str], edited: Collection[int]) -> pl.DataFrame:
    """The captions of meta_cap.json with a flag of the queue that are not among the ids `edited`, each with its flags and digest.

    They are all in memory: a list that a person goes through is short.
    """
    ids = pl.Series(list(edited), dtype=pl.Int64).implode()
    chosen = pl.concat(frame.filter(pl.col("flag").is_in(list(queue)) & ~pl.col("id").is_in(ids)) for frame in read_stream(flags))
    reasons = {id_: dict(rows.select("flag", "detail").iter_rows()) for (id_,), rows in chosen.group_by("id")}
    found = pl.concat(semi_join(read_entries(captions), [chosen.select("id").unique(maintain_order=True)]))
    values = [
        _with_flags(decode_object(captions, id_, value, "caption")["caption"], reasons[id_]) for id_, value in found.iter_rows()
    ]
    return found.with_columns(value=pl.Series(values, dtype=pl.String))


def _with_flags(caption: str, flags: dict[str, str]) -> str:
    return orjson.dumps({"caption": caption, "flags": flags, DIGEST: text_digest(caption)}).decode()


def lists_in(folder: str | Path) -> list[Path]:
    """The edit lists in a folder of the results, also those of an earlier number of shards."""
    return sorted(path for path in Path(folder).glob("edited_*.json") if LIST_NAME.fullmatch(path.name))


def refuse_edited_lists(lists: Iterable[Path], folder: str) -> None:
    """Before lists are replaced or removed: refuse if a person has edited one of them, and not a copy in `folder`.

    Raises:
        UserError: a list has an edited entry, or is not as it was written.
    """
    for path in lists:
        edited = [post for post, entry in read_edited(path).items() if is_edited(entry)]
        if edited:
            raise UserError(
                f"{path}: edited (id {edited[0]} and {len(edited) - 1} more), and would be replaced: move it to {folder}/"
            )
