"""Existing captions in JSON files of other tools or earlier runs, converted to parquet."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from booruflow.core.tables import write_stream
from booruflow.sources.base_captions import CAPTIONS_SCHEMA
from booruflow.sources.json_object import Json, post_rows


def captions_to_parquet(paths: Sequence[str | Path], target: str | Path) -> int:
    """Write captions in JSON (`{"<id>": {"caption": "..."}}` or `{"<id>": "..."}`) as parquet: `id`, `caption`, in file order.

    An entry without a caption, as in a file of bad outputs, becomes null. Returns: the number of captions.

    Raises:
        UserError: as `booruflow.sources.json_object.post_rows`.
    """
    captions = entries = 0

    def counted() -> Iterator[pl.DataFrame]:
        nonlocal captions, entries
        for frame in post_rows(paths, _caption_of, CAPTIONS_SCHEMA):
            captions += frame["caption"].count()
            entries += len(frame)
            yield frame

    write_stream(target, counted(), CAPTIONS_SCHEMA)
    print(f"{captions} captions, {entries - captions} entries without one")
    return captions


def _caption_of(entry: Json) -> tuple[str | None]:
    text = entry.get("caption") if isinstance(entry, dict) else entry
    if not isinstance(text, str | None):
        raise ValueError("its caption is not text")
    return (text,)
