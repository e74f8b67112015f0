"""meta_cap and meta_lat: the captions of all sources merged, and what the trainer reads.

The form of meta_lat is the one that every version of kohya's sd-scripts from v0.9.1 on reads (`library/train_util.py`,
`FineTuningDataset`): the absolute path of the picture as key, no line break in a caption (the trainer cuts the prompt
at the first), both `train_resolution` (v0.9) and `image_size` (from v0.10), empty keys absent, and tags that stand alone
given as the caption.
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from booruflow.files import open_whole
from booruflow.idjson import buffer_of, member_text, text_of, write_entries
from booruflow.streams import Stream, in_step
from booruflow.texts import one_line_json


def caption_values(stream: Iterable[pl.DataFrame]) -> Stream:
    """Entries of good or fixed files, whatever else they hold, as entries `{"caption": ...}`."""
    for frame in stream:
        parsed = frame.select("id", pl.col("value").str.json_decode(pl.Struct({"caption": pl.String})))
        yield parsed.with_columns(value=pl.col("value").struct.json_encode())


def lat_rows(tags: Iterable[pl.DataFrame], captions: Iterable[pl.DataFrame], latents: Iterable[pl.DataFrame]) -> Stream:
    """Rows of meta_lat: the columns of `latents`, then `tags` and `caption` as JSON text, null where there is none.

    A post with tags alone has them as its caption, and one with neither is left out. The column `fallback` marks the first.
    """
    for some_tags, some_captions, rows in in_step([tags, captions, latents]):
        texts = some_captions.select(
            "id", caption=one_line_json(some_captions.select(member_text("value", "caption")).to_series())
        )
        texts = texts.filter(pl.col("caption") != '""')
        rows = rows.join(texts, on="id", how="left", maintain_order="left")
        rows = rows.join(some_tags.select("id", tags=member_text("value", "tags")), on="id", how="left", maintain_order="left")
        fallback = pl.col("caption").is_null() & pl.col("tags").is_not_null()
        yield (
            rows.with_columns(fallback=fallback)
            .with_columns(
                caption=pl.when("fallback").then("tags").otherwise("caption"),
                tags=pl.when("fallback").then(None).otherwise("tags"),
            )
            .filter(pl.col("caption").is_not_null())
        )


def lat_entries(rows: pl.DataFrame, key: str, folder: str) -> pl.DataFrame:
    """Entries of meta_lat.json: `key` (JSON text) and `value` (JSON text).

    Args:
        rows: of `lat_rows`.
        key: "path" for the picture's path below `folder`, "id" for the bare id.
        folder: absolute, where the trainer finds the pictures.
    """
    resolutions = pl.format(
        ',"train_resolution":[{},{}],"image_size":[{},{}]}}', "train_width", "train_height", "image_width", "image_height"
    )
    return rows.with_columns(path=_path(folder)).select(
        key=text_of("path") if key == "path" else pl.format('"{}"', "id"),
        value=pl.concat_str(pl.lit("{"), _texts(), resolutions),
    )


def write_lat(json: str | Path, jsonl: str | Path, rows: Iterable[pl.DataFrame], key: str, folder: str) -> None:
    """Write meta_lat.json and meta_lat.jsonl in one pass over the rows of `lat_rows`; `folder` as for `lat_entries`."""
    with open_whole(jsonl) as lines:

        def entries() -> Stream:
            for frame in rows:
                lines.write(buffer_of(lat_lines(frame, folder)))
                yield lat_entries(frame, key, folder)

        write_entries(json, entries(), "key")


def lat_lines(rows: pl.DataFrame, folder: str) -> pl.Series:
    """Lines of meta_lat.jsonl, as sd-scripts reads them from v0.10 on; `folder` as for `lat_entries`."""
    size = pl.format(',"image_size":[{},{}]}}\n', "image_width", "image_height")
    line = pl.concat_str(pl.lit('{"image_path":'), text_of("path"), pl.lit(","), _texts(), size)
    return rows.with_columns(path=_path(folder)).select(line).to_series()


def _path(folder: str) -> pl.Expr:
    return pl.concat_str(pl.lit(folder.rstrip("/") + "/"), "file")


def _texts() -> pl.Expr:
    """The members `caption` and, where there are tags beside it, `tags`."""
    tags = pl.concat_str(pl.lit(',"tags":'), "tags").fill_null("")
    return pl.concat_str(pl.lit('"caption":'), "caption", tags)
