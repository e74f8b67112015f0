"""Consistency checks of what a trainer reads: every post is in meta_lat or listed as missing; tars hold the texts of their ids.

A check raises a UserError if what its docstring states does not hold.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import open_input
from booruflow.core.idjson import READ_BYTES, decode_json_text, read_entries, read_entry_ids
from booruflow.core.progress import counted, progress
from booruflow.core.streams import Stream, aligned
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.checks.captions import check_shards, require_none
from booruflow.products.tar_index import read_index
from booruflow.products.tars import tar_name, tar_texts
from booruflow.sources.images.names import name_pattern
from booruflow.sources.missing import MISSING_KINDS, read_missing


class ExportFiles(Protocol):
    """Paths of what the trainer reads and what it is made of, as the rule `manifest` names its inputs."""

    posts: str
    missing_before: str
    shards: Sequence[str]
    """The tables of all shards, also where no captions are generated."""
    tags: str
    captions: str
    lat: str
    missing: str
    caption_tars: str
    """Any of the tars, which all lie in one folder."""
    tag_tars: str


def check_exports(files: ExportFiles, tars: int, image_name: str, texts: Stream | None) -> dict[str, int]:
    """Run the checks of what the trainer reads; return the counts that they found.

    Args:
        files: the files.
        tars: the number of tars of each kind.
        image_name: the template of image names, see `booruflow.sources.images.names.name_pattern`.
        texts: with text.variants the texts, which stand in meta_lat and tars in place of captions.

    Raises:
        UserError: a check failed.
    """
    check_shards(read_missing(files.missing_before, "caption"), [read_stream(split, ["id"]) for split in files.shards])
    posts = counted(read_stream(files.posts, ["id"]), rows_of(files.posts), "check posts")
    kinds = MISSING_KINDS if texts else MISSING_KINDS[:-1]
    missing = [read_missing(files.missing, kind) for kind in kinds]
    total, entries, tags_only = check_coverage(
        posts, meta_lat_ids(files.lat, image_name), read_entry_ids(files.captions), missing
    )
    captions = texts or tar_texts(read_entries(files.captions, member="caption"), "caption")
    tags = tar_texts(read_entries(files.tags, member="tags"), "tags")
    for tar, members in ((files.caption_tars, captions), (files.tag_tars, tags)):
        check_tars(Path(tar).parent, members, tars)
    return {"posts": total, "for_the_trainer": entries, "of_these_tags_alone": tags_only}


def summary_of(captions: Mapping[str, int], exports: Mapping[str, int]) -> dict[str, int]:
    """The counts of both checks, in the order of the summary."""
    posts = exports["posts"]
    left_out = posts - exports["for_the_trainer"]
    return {"posts": posts, **captions, "without_caption": posts - captions["captions"], **exports, "left_out": left_out}


def check_coverage(
    posts: Iterable[pl.DataFrame],
    lat: Iterable[pl.DataFrame],
    captions: Iterable[pl.DataFrame],
    missing: Sequence[Iterable[pl.DataFrame]],
) -> tuple[int, int, int]:
    """Every post is either in meta_lat or in the lists that say why not: no resolution, neither tags nor caption, or no text.

    Args:
        posts: all ids.
        lat: the ids in meta_lat.
        captions: the ids in meta_cap.
        missing: the ids without tags, without a caption, without a resolution and, with variants, without a text.

    Returns:
        The counts of posts, of entries in meta_lat, and of those among them that have only tags.
    """
    total, entries, tags_only = 0, 0, 0
    for ids, lat_rows, caption_rows, *lists in aligned([posts, lat, captions, *missing]):
        no_tags, no_caption, *others = (pl.col("id").is_in(frame["id"].implode()) for frame in lists)
        listed = pl.any_horizontal(no_tags & no_caption, *others)
        in_lat = pl.col("id").is_in(lat_rows["id"].implode())
        require_none(ids.filter(in_lat == listed)["id"], "every post is in meta_lat.json or in missing_final.json")
        total, entries = total + len(ids), entries + len(lat_rows)
        tags_only += len(lat_rows.join(caption_rows, on="id", how="anti"))
    return total, entries, tags_only


def meta_lat_ids(path: str | Path, image_name: str) -> Iterator[pl.DataFrame]:
    """The ids of a meta_lat.json whose keys are ids or paths of images with names of that form, as a stream of `id`.

    Raises:
        UserError: a line has no such key, the ids do not ascend, or the file is cut short.
    """
    yield pl.DataFrame(schema={"id": pl.Int64})
    key = decode_json_text(pl.col("key"))
    id_of_key = pl.coalesce(key.str.extract(f"{name_pattern(image_name)}$"), key.str.extract("^([0-9]+)$"))
    last_id, end = -1, b""
    with open_input(path) as file:
        while lines := file.readlines(READ_BYTES):
            end = lines[-1]
            texts = [line[: line.find(b'": {') + 1].decode(errors="replace") for line in lines if line not in (b"{\n", b"}\n")]
            keys = pl.DataFrame({"key": texts}, schema={"key": pl.String})
            ids = keys.select(id=id_of_key.cast(pl.Int64, strict=False))["id"]
            if ids.has_nulls() or (np.diff(ids.to_numpy(), prepend=last_id) <= 0).any():
                raise UserError(f"{path}: not one image a line by ascending id: delete it and run `snakemake` again")
            last_id = ids[-1] if len(ids) else last_id
            yield pl.DataFrame({"id": ids})
    if end != b"}\n":
        raise UserError(f"{path}: the file is cut short: delete it and run `snakemake` again")


def check_tars(folder: Path, texts: Iterable[pl.DataFrame], count: int) -> int:
    """The tars hold exactly the texts of `tar_texts`, byte for byte; return the number of texts.

    For each tar, the sum over its texts of a 64-bit hash of id and text must equal that of the texts, and its sha256
    that in its index. One tar is in memory at a time.
    """
    expected = pl.DataFrame({"tar": range(count), "sum": [0] * count, "texts": [0] * count}, schema_overrides={"sum": pl.UInt64})
    for frame in texts:
        sums = frame.group_by(tar=pl.col("id") % count).agg(sum=_hash().sum(), texts=pl.len().cast(pl.Int64))
        expected = pl.concat([expected, sums.select(expected.columns)]).group_by("tar").agg(pl.col("sum", "texts").sum())
    with progress(count, f"check {folder}", unit="tars") as bar:
        for number, hash_sum, texts_in_tar in expected.sort("tar").iter_rows():
            path = folder / tar_name(number, count)
            if _count_and_hash(path) != (texts_in_tar, hash_sum):
                raise UserError(f"{path}: does not hold the texts of its ids: delete the tars and build them again")
            bar.update(1)
    return int(expected["texts"].sum())


def _count_and_hash(path: Path) -> tuple[int, int] | None:
    """The number of texts in a tar, and the sum of their hashes; None if it and its index do not fit."""
    index = read_index(path)
    with open_input(path) as file:
        tar = file.read()
    with suppress(AttributeError, KeyError, TypeError, ValueError):  # of a damaged index
        if hashlib.sha256(tar).hexdigest() == index["hash_lfs"]:
            ids = [int(name.split(".")[0]) for name in index["files"]]
            texts = [tar[entry["offset"] : entry["offset"] + entry["size"]].decode() for entry in index["files"].values()]
            frame = pl.DataFrame({"id": ids, "text": texts}, schema={"id": pl.Int64, "text": pl.String})
            return len(frame), frame.select(_hash().sum()).item()
    return None


def _hash() -> pl.Expr:
    return pl.struct("id", "text").hash(seed=0)
