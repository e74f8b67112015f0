"""meta_lat: the tags, caption and resolution of each image, as kohya's sd-scripts reads them.

meta_lat.json suits every version of sd-scripts from v0.9.1 on (`library/train_util.py`, `FineTuningDataset`): the key is the
absolute path of the image; a caption holds no line break, because the trainer cuts the prompt at the first one, and no `|||`, at
which it divides it; both `train_resolution` (v0.9) and `image_size` (from v0.10) are there; empty keys are absent; a post with
tags but no caption has the tags as its caption. With text.variants the caption is the texts, a line each, from which the trainer
draws with `enable_wildcard`, and there are no tags, which it would append to each line. meta_lat.jsonl is read from v0.10 on.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import polars as pl

from booruflow.core.direct_io import DirectWriter
from booruflow.core.files import written_whole
from booruflow.core.idjson import joined_bytes, json_text, member_json_text, write_lines
from booruflow.core.streams import Stream, aligned
from booruflow.core.whitespace import one_line_json
from booruflow.sources.tags import apart

TEXT_ROWS = 1024
"""Rows put together at a time: their texts stay in the processor's cache from one step to the next."""


def meta_lat_rows(tags: Iterable[pl.DataFrame], captions: Iterable[pl.DataFrame], resolutions: Iterable[pl.DataFrame]) -> Stream:
    """Join tags and captions, entries read with their members, to the rows of `resolutions`; posts with neither are left out.

    Adds the columns `caption` and `tags` (JSON text). `tags` is null for posts without tags, and where they are the `caption`.
    """
    for tag_entries, caption_entries, rows in aligned([tags, captions, resolutions]):
        texts = one_line_json(caption_entries.select(apart(member_json_text("value", "caption"))).to_series())
        one_line_captions = caption_entries.select("id", caption=texts).filter(pl.col("caption") != '""')
        tag_texts = tag_entries.select("id", tags=member_json_text("value", "tags"))
        rows = rows.join(one_line_captions, on="id", how="left", maintain_order="left")
        rows = rows.join(tag_texts, on="id", how="left", maintain_order="left")
        yield rows.with_columns(
            caption=pl.coalesce("caption", "tags"), tags=pl.when(pl.col("caption").is_not_null()).then("tags")
        ).filter(pl.col("caption").is_not_null())


def text_rows(texts: Iterable[pl.DataFrame], resolutions: Iterable[pl.DataFrame]) -> Stream:
    """Join texts (`id` and `text`, as JSON text) to the rows of `resolutions`; posts without one are left out.

    Adds the same columns as `meta_lat_rows`: `caption`, and `tags`, which is null.
    """
    for frame, rows in aligned([texts, resolutions]):
        lines = frame.select("id", caption="text", tags=pl.lit(None, pl.String))
        yield rows.join(lines, on="id", how="inner", maintain_order="left")


def image_path(folders: Mapping[str, str], column: str = "folder") -> pl.Expr:
    """Where the trainer finds an image: its `file` below the place in `folders` of the folder in `column`."""
    folder = pl.col(column).fill_null("").replace_strict(folders, return_dtype=pl.String)
    name = pl.when(folder.str.ends_with("\\")).then(pl.col("file").str.replace_all("/", "\\", literal=True)).otherwise("file")
    return pl.concat_str(folder, name)


def write_meta_lat(
    json: str | Path, jsonl: str | Path, rows: Iterable[pl.DataFrame], key: str, folders: Mapping[str, str]
) -> int:
    """Write meta_lat.json and meta_lat.jsonl in one pass over the rows of `meta_lat_rows` or `text_rows`; return their number.

    Args:
        json: one image a line, by `key`.
        jsonl: the same in the format that sd-scripts reads from v0.10 on, by path.
        rows: of `meta_lat_rows`.
        key: "path" for the image's path, "id" for the bare id.
        folders: for each image folder, and for "" (no image), where the trainer finds its images: see
            `booruflow.sources.inputs.trainer_folder`.
    """
    tags = pl.concat_str(pl.lit(',"tags":'), "tags").fill_null("")
    path = image_path(folders)
    image_size = pl.format('"image_size":[{},{}]}}', "image_width", "image_height")
    resolution = pl.format(',"train_resolution":[{},{}],', "train_width", "train_height")
    json_line = pl.concat_str(
        pl.col("path") if key == "path" else pl.format('"{}"', "id"),
        pl.lit(': {"caption":'), "caption", "tags", "resolution", "image_size", pl.lit(",\n"),
    )  # fmt: skip
    jsonl_line = pl.concat_str(
        pl.lit('{"image_path":'), "path", pl.lit(',"caption":'), "caption", "tags", pl.lit(","), "image_size", pl.lit("\n"),
    )  # fmt: skip

    with (
        written_whole(json) as json_part,
        written_whole(jsonl) as jsonl_part,
        DirectWriter(json_part) as json_file,
        DirectWriter(jsonl_part) as jsonl_file,
    ):

        def json_lines() -> Iterator[pl.Series]:
            """The lines of meta_lat.json; writes those of meta_lat.jsonl on the way."""
            for frame in chain.from_iterable(frame.iter_slices(TEXT_ROWS) for frame in rows):
                parts = frame.with_columns(path=path).select(
                    "id", "caption", tags=tags, path=json_text("path"), resolution=resolution, image_size=image_size
                )
                jsonl_file.write(joined_bytes(parts.select(jsonl_line).to_series()))
                yield parts.select(json_line).to_series()

        return write_lines(json_file, json_lines())
