"""What is known about the posts of a shard besides its rows: the usual tags of characters, and texts about the images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
import polars as pl

from booruflow.captioning.prompts.traits import read_traits
from booruflow.core.idjson import read_entries
from booruflow.core.streams import semi_join
from booruflow.core.tables import read_stream


class Known(NamedTuple):
    """What prompts may tell beyond the rows of a shard."""

    traits: Mapping[str, Sequence[str]] = {}
    """The usual tags of characters."""
    info: Mapping[int, str] = {}
    """A text about the image, by post id."""


NOTHING = Known()


def read_known(split: Path, traits: str | None, info: str | None) -> Known:
    """What is known about the posts of the shard whose rows are in `split`.

    Args:
        split: a split_{n}.parquet.
        traits: traits/characters.parquet; None if the prompt has no place for traits.
        info: a JSON file in the form of meta_cap.json; None for no texts.

    Raises:
        UserError: a file cannot be read.
    """
    texts: dict[int, str] = {}
    if info:
        for frame in semi_join(read_entries(info, member="caption"), read_stream(split, ["id"])):
            texts |= {id_: orjson.loads(value)["caption"] for id_, value in frame.select("id", pl.col("value")).iter_rows()}
    return Known(read_traits(traits) if traits else {}, texts)
