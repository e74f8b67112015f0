"""meta_cap and meta_lat: the captions of all sources merged, and what the trainer reads.

The form of meta_lat is the one that every version of kohya's sd-scripts from v0.9.1 on reads (`library/train_util.py`,
`FineTuningDataset`): the absolute path of the image as key, no line break in a caption (the trainer cuts the prompt
at the first), both `train_resolution` (v0.9) and `image_size` (from v0.10), empty keys absent, and tags that stand alone
given as the caption.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from booruflow.core.files import PassingFile, written_whole
from booruflow.core.idjson import buffer_of, member_text, text_of, write_lines
from booruflow.core.streams import Stream, in_step
from booruflow.core.whitespace import one_line_json


def caption_values(stream: Iterable[pl.DataFrame]) -> Stream:
    """Entries of good or fixed files, whatever else they hold, as entries `{"caption": ...}`."""
    for frame in stream:
        parsed = frame.select("id", pl.col("value").str.json_decode(pl.Struct({"caption": pl.String})))
        yield parsed.with_columns(value=pl.col("value").struct.json_encode())


def lat_rows(tags: Iterable[pl.DataFrame], captions: Iterable[pl.DataFrame], resolutions: Iterable[pl.DataFrame]) -> Stream:
    """Rows of meta_lat: the columns of `resolutions`, then `tags` and `caption` as JSON text, null where there is none.

    A post with tags alone has them as its caption, and one with neither is left out. The column `fallback` marks the first.
    """
    for some_tags, some_captions, rows in in_step([tags, captions, resolutions]):
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


def write_lat(json: str | Path, jsonl: str | Path, rows: Iterable[pl.DataFrame], key: str, folder: str) -> None:
    """Write meta_lat.json and meta_lat.jsonl in one pass over the rows of `lat_rows`.

    Args:
        json: an image a line, by `key`.
        jsonl: the same as sd-scripts reads them from v0.10 on, by path.
        rows: of `lat_rows`.
        key: "path" for the image's path below `folder`, "id" for the bare id.
        folder: absolute, where the trainer finds the images.
    """
    tags = pl.concat_str(pl.lit(',"tags":'), "tags").fill_null("")
    texts = pl.concat_str(pl.lit('"caption":'), "caption", tags)
    path = pl.concat_str(pl.lit(folder.rstrip("/") + "/"), "file")
    image_size = pl.format('"image_size":[{},{}]}}', "image_width", "image_height")
    resolution = pl.format(',"train_resolution":[{},{}],', "train_width", "train_height")
    entry = pl.concat_str(
        pl.col("path") if key == "path" else pl.format('"{}"', "id"),
        pl.lit(": {"), "texts", "resolution", "image_size", pl.lit(",\n"),
    )  # fmt: skip
    line = pl.concat_str(pl.lit('{"image_path":'), "path", pl.lit(","), "texts", pl.lit(","), "image_size", pl.lit("\n"))

    with (
        written_whole(json) as json_part,
        written_whole(jsonl) as jsonl_part,
        PassingFile(json_part) as entries,
        PassingFile(jsonl_part) as lines,
    ):

        def written() -> Iterator[pl.Series]:
            for frame in rows:
                parts = frame.with_columns(path=path).select(
                    "id", path=text_of("path"), texts=texts, resolution=resolution, image_size=image_size
                )
                lines.write(buffer_of(parts.select(line).to_series()))
                yield parts.select(entry).to_series()

        write_lines(entries, written())
