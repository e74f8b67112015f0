"""Rule edit_list: the bad outputs of a shard that nobody has edited yet, for a person to edit."""

from pathlib import Path

import polars as pl

from booruflow.captioning.fixed import read_edited
from booruflow.core.idjson import read_entries
from booruflow.core.streams import Stream


def unedited_entries(bad: str | Path, edited: Path) -> Stream:
    """The entries of a bad_{n}.json that are not in the file `edited`, which need not exist."""
    edited_ids = list(read_edited(edited)) if edited.exists() else []
    for frame in read_entries(bad):
        yield frame.filter(~pl.col("id").is_in(edited_ids))
