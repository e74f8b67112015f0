"""Consistency checks of a run: nothing is lost and nothing is counted twice, from the posts to the tars.

A check raises a UserError if what its docstring states does not hold.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import open_input
from booruflow.core.idjson import READ_BYTES, decode_json_text, member_json_text, read_entries
from booruflow.core.progress import counted, progress
from booruflow.core.streams import aligned
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.meta_cap import captions_only
from booruflow.products.tar_index import read_index
from booruflow.products.tars import tar_name
from booruflow.sources.missing import MISSING_KINDS, read_missing


class ProductFiles(Protocol):
    """Paths of the products that are checked, as the rule `manifest` names its inputs; lists have one file per shard."""

    posts: str
    tags: str
    base: str
    missing_before: str
    splits: Sequence[str]
    good: Sequence[str]
    bad: Sequence[str]
    skipped: Sequence[str]
    failed: Sequence[str]
    fixed: Sequence[str]
    captions: str
    lat: str
    missing: str
    caption_tars: str
    """Any of the tars, which all lie in one folder."""
    tag_tars: str


def check_products(files: ProductFiles, tars: int) -> dict[str, int]:
    """Run all checks on the products; return the counts that they found, the summary of the run.

    Raises:
        UserError: a check failed.
    """
    outcomes = [
        check_shard(ShardLists(Path(split).stem, read_stream(split, ["id"]), [read_entries(path) for path in lists]))
        for split, *lists in zip(files.splits, files.good, files.bad, files.skipped, files.failed, strict=True)
    ]
    if outcomes:
        check_shards(read_missing(files.missing_before, "caption"), [read_stream(split, ["id"]) for split in files.splits])
    good, bad, skipped, failed = (sum(counts) for counts in zip(*outcomes, strict=True)) if outcomes else (0, 0, 0, 0)

    generated = [captions_only(read_entries(path)) for path in [*files.good, *files.fixed]]
    (base, *generated_counts), replaced, captions = check_captions(
        [read_entries(files.base), *generated], read_entries(files.captions, "check captions")
    )

    posts = counted(read_stream(files.posts, ["id"]), rows_of(files.posts), "check posts")
    missing = [read_missing(files.missing, kind) for kind in MISSING_KINDS]
    total, entries, tags_only = check_coverage(posts, meta_lat_ids(files.lat), read_entries(files.captions), missing)

    check_tars(Path(files.caption_tars).parent, read_entries(files.captions), "caption", tars)
    check_tars(Path(files.tag_tars).parent, read_entries(files.tags), "tags", tars)
    return {
        "posts": total,
        "base_captions": base,
        "to_caption": good + bad + skipped + failed,
        "good": good,
        "bad": bad,
        "fixed": sum(generated_counts[len(files.good) :]),
        "skipped": skipped,
        "failed": failed,
        "replaced_by_a_later_source": replaced,
        "captions": captions,
        "for_the_trainer": entries,
        "of_these_tags_alone": tags_only,
    }


@dataclass(frozen=True)
class ShardLists:
    """The ids of one shard, and the lists of its outcomes (good, bad, skipped, failed), as streams."""

    name: str
    ids: Iterable[pl.DataFrame]
    outcomes: Sequence[Iterable[pl.DataFrame]]


def check_shard(shard: ShardLists) -> list[int]:
    """Every id of a shard is in exactly one of its outcomes; return how many are in each."""
    counts = [0] * len(shard.outcomes)
    for ids, *outcomes in aligned([shard.ids, *shard.outcomes]):
        in_outcomes = pl.concat([frame.select("id", shard=0, outcome=1) for frame in outcomes])
        tally = pl.concat([ids.select("id", shard=1, outcome=0), in_outcomes]).group_by("id").sum()
        wrong = tally.filter((pl.col("shard") != 1) | (pl.col("outcome") != 1))["id"]
        _require_none(wrong.sort(), f"each id of shard {shard.name} is in exactly one of good, bad, skipped and failed")
        counts = [count + len(frame) for count, frame in zip(counts, outcomes, strict=True)]
    return counts


def check_shards(missing: Iterable[pl.DataFrame], shards: Sequence[Iterable[pl.DataFrame]]) -> None:
    """Every id without a base caption is in exactly one shard, and the shards have no other ids."""
    for missing_rows, *shard_rows in aligned([missing, *shards]):
        expected = missing_rows["id"]
        found = pl.concat([frame.select("id") for frame in shard_rows])["id"].sort()
        wrong = expected.filter(~expected.is_in(found.implode())).append(found.filter(~found.is_in(expected.implode())))
        wrong = wrong.append(found.filter(found.is_duplicated())).sort()
        _require_none(wrong, "each post without a caption is in exactly one shard")


def check_captions(sources: Sequence[Iterable[pl.DataFrame]], merged: Iterable[pl.DataFrame]) -> tuple[list[int], int, int]:
    """The merged captions are those of the sources, for each id the last one.

    Returns:
        The counts of the sources, how many captions a later source replaced, and the count of the merged captions.
    """
    counts, replaced, total = [0] * len(sources), 0, 0
    for *frames, result in aligned([*sources, merged]):
        expected = pl.concat([frame.select("id", "value") for frame in frames]).unique("id", keep="last", maintain_order=True)
        both = expected.join(result, on="id", how="full", coalesce=True, suffix="_merged")
        wrong = both.filter(pl.col("value").ne_missing(pl.col("value_merged")))["id"]
        _require_none(wrong, "meta_cap.json holds the latest caption of each id")
        counts = [count + len(frame) for count, frame in zip(counts, frames, strict=True)]
        replaced += sum(map(len, frames)) - len(expected)
        total += len(result)
    return counts, replaced, total


def check_coverage(
    posts: Iterable[pl.DataFrame],
    lat: Iterable[pl.DataFrame],
    captions: Iterable[pl.DataFrame],
    missing: Sequence[Iterable[pl.DataFrame]],
) -> tuple[int, int, int]:
    """Every post is either in meta_lat or in the lists that say why not: no resolution, or neither tags nor caption.

    Args:
        posts: all ids.
        lat: the ids in meta_lat.
        captions: the entries of meta_cap.
        missing: the ids without tags, without a caption, and without a resolution.

    Returns:
        The counts of posts, of entries in meta_lat, and of those among them that have only tags.
    """
    total, entries, tags_only = 0, 0, 0
    for ids, lat_rows, caption_rows, *lists in aligned([posts, lat, captions, *missing]):
        no_tags, no_caption, no_latent = (frame["id"].implode() for frame in lists)
        listed = pl.col("id").is_in(no_latent) | (pl.col("id").is_in(no_tags) & pl.col("id").is_in(no_caption))
        in_lat = pl.col("id").is_in(lat_rows["id"].implode())
        _require_none(ids.filter(in_lat == listed)["id"], "every post is in meta_lat.json or in missing_final.json")
        total, entries = total + len(ids), entries + len(lat_rows)
        tags_only += len(lat_rows.join(caption_rows, on="id", how="anti"))
    return total, entries, tags_only


def meta_lat_ids(path: str | Path) -> Iterator[pl.DataFrame]:
    """The ids of a meta_lat.json whose keys are ids or image paths, as a stream of `id`."""
    yield pl.DataFrame(schema={"id": pl.Int64})
    with open_input(path) as file:
        while lines := file.readlines(READ_BYTES):
            texts = [line[: line.find(b'": ') + 1].decode() for line in lines if line not in (b"{\n", b"}\n")]
            keys = pl.Series("id", texts, pl.String)
            yield pl.DataFrame({"id": keys.str.extract(r'(\d+)(?:\.\w+)?"$').cast(pl.Int64)})


def check_tars(folder: Path, entries: Iterable[pl.DataFrame], member: str, count: int) -> int:
    """The tars hold exactly the texts `member` of the entries, byte for byte; return the number of texts.

    For each tar, the sum over its texts of a 64-bit hash of id and text must equal that of the entries, and its sha256
    that in its index. One tar is in memory at a time.
    """
    expected = pl.DataFrame({"tar": range(count), "sum": [0] * count, "texts": [0] * count}, schema_overrides={"sum": pl.UInt64})
    for frame in entries:
        texts = frame.select("id", text=decode_json_text(member_json_text("value", member)))
        sums = texts.group_by(tar=pl.col("id") % count).agg(sum=_hash().sum(), texts=pl.len().cast(pl.Int64))
        expected = pl.concat([expected, sums.select(expected.columns)]).group_by("tar").agg(pl.col("sum", "texts").sum())
    with progress(count, f"check {folder}", unit="tars") as bar:
        for number, hash_sum, texts_in_tar in expected.sort("tar").iter_rows():
            path = folder / tar_name(number, count)
            index = read_index(path)
            content = path.read_bytes()
            intact = hashlib.sha256(content).hexdigest() == index["hash_lfs"]
            if not intact or _count_and_hash(content, index["files"]) != (texts_in_tar, hash_sum):
                raise UserError(f"{path}: does not hold the texts of its ids: delete the tars and build them again")
            bar.update(1)
    return int(expected["texts"].sum())


def _count_and_hash(tar: bytes, members: Mapping[str, Mapping[str, int]]) -> tuple[int, int]:
    """The number of texts in a tar, and the sum of their hashes."""
    ids = [int(name.split(".")[0]) for name in members]
    texts = [tar[member["offset"] : member["offset"] + member["size"]].decode() for member in members.values()]
    frame = pl.DataFrame({"id": ids, "text": texts}, schema={"id": pl.Int64, "text": pl.String})
    return len(frame), frame.select(_hash().sum()).item()


def _hash() -> pl.Expr:
    return pl.struct("id", "text").hash(seed=0)


def _require_none(wrong: pl.Series, statement: str) -> None:
    """Raise a UserError if there are ids for which the statement does not hold."""
    if len(wrong):
        raise UserError(f"check failed: {statement}; not so for id {wrong[0]} and {len(wrong) - 1} more: rebuild with --forceall")
