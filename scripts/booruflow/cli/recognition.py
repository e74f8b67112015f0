"""What a user's files are: metadata, existing captions, resolutions or images, and the names of their columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from booruflow.cli.image_names import PLAIN, ImageNames, guess_image_name, look_into
from booruflow.core.errors import UserError
from booruflow.core.files import reading
from booruflow.sources.inputs import is_csv
from booruflow.sources.json_object import check_opening

COLUMN_NAMES = {
    "id": ("id", "post_id", "index"),
    "rating": ("rating",),
    "score": ("score", "up_score"),
    "general": ("tag_string_general", "tags_general", "general_tags", "general", "tag_string", "tags"),
    "artist": ("tag_string_artist", "tags_artist", "artist_tags", "artist"),
    "character": ("tag_string_character", "tags_character", "character_tags", "character"),
    "copyright": ("tag_string_copyright", "tags_copyright", "copyright_tags", "copyright"),
    "meta": ("tag_string_meta", "tags_meta", "meta_tags", "meta"),
    "image_width": ("image_width", "width"),
    "image_height": ("image_height", "height"),
    "file_ext": ("file_ext", "ext", "extension"),
    "fav_count": ("fav_count", "favorites"),
    "created_at": ("created_at",),
    "md5": ("md5",),
    "parent_id": ("parent_id",),
    "source": ("source",),
    "is_deleted": ("is_deleted",),
    "is_banned": ("is_banned",),
}
"""Usual names of each column of the metadata, the best first: Danbooru's, e621's, Gelbooru's, and those of their dumps."""

NO_CAPTION = re.compile("md5|sha256|hash|url|source|path|file|created|updated|date|license|uploader")
"""Text columns of other tables that hold no caption have such names."""

MANY_IMAGES = 8_000
"""No more images of a folder are counted."""

PARQUET_START = b"PAR1"

HEAD_BYTES = 1 << 16
"""Bytes of a JSON file that are looked at."""


@dataclass
class Recognised:
    """The config section `inputs` of some files, and what to say about them."""

    metadata: list[str] = field(default_factory=list)
    columns: dict[str, str | None] = field(default_factory=dict)
    captions: list[dict[str, Any]] = field(default_factory=list)
    images: dict[str, int] = field(default_factory=dict)
    """Folders, with the number of their images, counted up to MANY_IMAGES."""
    resolutions: list[str] = field(default_factory=list)
    image_names: ImageNames = field(default_factory=lambda: ImageNames(PLAIN, 0, 0))
    posts: int = 0
    """Rows of the parquet metadata; those of CSV files are not counted."""


def recognise(paths: Sequence[Path]) -> Recognised:
    """What each of the files and folders is, by its content.

    Raises:
        UserError: a path does not exist or cannot be read, is of no kind, or has other columns than the metadata before it.
    """
    found, names = Recognised(), list[str]()
    for path in dict.fromkeys(paths):
        if path.is_dir():
            found.images[str(path)], some = look_into(str(path), MANY_IMAGES)
            names += some
        elif path.exists() and not path.is_file():
            raise UserError(f"{path}: neither a file nor a folder: leave it out")
        elif path.suffix in (".json", ".jsonl"):
            _json(path, found)
        else:
            _table(path, found)
    if found.metadata:
        found.image_names = guess_image_name(names, found.metadata, found.columns["id"] or "id")
    return found


def _json(path: Path, found: Recognised) -> None:
    with reading(path), path.open("rb") as file:
        text = file.read(HEAD_BYTES)
    check_opening(path)
    head = text.decode("utf-8", "replace")
    has_resolution = '"train_resolution"' in head or '"image_size"' in head
    has_caption = '"caption"' in head or re.match(r'\s*\{\s*"[^"]*"\s*:\s*"', head)
    if not has_resolution and not has_caption:
        raise UserError(f'{path}: no "caption" and no "train_resolution" at its start: leave this file out')
    if has_resolution:
        found.resolutions.append(str(path))
    if has_caption:
        found.captions.append({"files": [str(path)]})


def _table(path: Path, found: Recognised) -> None:
    names, texts, rows = _csv_columns(path) if is_csv(str(path)) else _parquet_columns(path)
    columns = {key: next((name for name in usual if name in names), None) for key, usual in COLUMN_NAMES.items()}
    captions = [name for name in texts if name not in columns.values() and not NO_CAPTION.search(name.lower())]
    if columns["general"]:
        if found.metadata and columns != found.columns:
            raise UserError(f"{path}: its columns have other names than those of {found.metadata[0]}: rename them in one of both")
        found.metadata.append(str(path))
        found.columns = columns
        found.posts += rows
        captions = [name for name in captions if "caption" in name.lower()]
    elif not captions:
        shown = ", ".join(ascii(name)[1:-1] if not name.isprintable() else name for name in names)
        raise UserError(
            f"{path}: neither metadata (a column of tags) nor text columns ({shown or 'it has none at all'}): leave this file"
            " out, or name its columns in config.yaml"
        )
    if captions:
        source = {"files": [str(path)], "id": columns["id"] or "id", "columns": captions}
        same = [other for other in found.captions if {**other, "files": []} == {**source, "files": []}]
        if same:
            same[0]["files"].append(str(path))
        else:
            found.captions.append(source)


def _csv_columns(path: Path) -> tuple[list[str], list[str], int]:
    """All columns, those of captions (none: captions are read from parquet and JSON), and the number of rows (0: not counted)."""
    from tqdm import tqdm

    from booruflow.sources.tables.csv_rows import CsvFile, csv_header

    with tqdm(disable=True) as bar, CsvFile(path, bar) as file:
        return csv_header(path, file, [])[0], [], 0


def _parquet_columns(path: Path) -> tuple[list[str], list[str], int]:
    """All columns, those of text, and the number of rows."""
    import pyarrow as pa

    from booruflow.core.tables import open_table

    with reading(path), path.open("rb") as start:
        if start.read(len(PARQUET_START)) != PARQUET_START:
            raise UserError(
                f"{path}: neither parquet nor, by its name, CSV (.csv, .csv.gz) or JSON (.json): leave it out, or convert it"
            )
    file = open_table(path)
    schema = file.schema_arrow
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    return schema.names, texts, file.metadata.num_rows
