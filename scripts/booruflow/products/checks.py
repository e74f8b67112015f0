"""The conservation laws of a run: nothing is lost and nothing is counted twice, from the posts to the tars."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import open_input
from booruflow.core.idjson import BLOCK, decoded, member_text
from booruflow.core.progress import progress
from booruflow.core.streams import in_step


@dataclass(frozen=True)
class Shard:
    """The ids of one shard and of the lists they went to, as streams."""

    name: str
    ids: Iterable[pl.DataFrame]
    outcomes: Sequence[Iterable[pl.DataFrame]]


def check_shard(shard: Shard) -> list[int]:
    """Law 1: every id of a shard is in exactly one of its outcomes; return how many are in each.

    Raises:
        UserError: an id is in none, in two, or not of the shard.
    """
    counts = [0] * len(shard.outcomes)
    for ids, *outcomes in in_step([shard.ids, *shard.outcomes]):
        found = pl.concat([frame.select("id", shard=0, outcome=1) for frame in outcomes])
        tally = pl.concat([ids.select("id", shard=1, outcome=0), found]).group_by("id").sum()
        wrong = tally.filter((pl.col("shard") != 1) | (pl.col("outcome") != 1))["id"]
        _hold(f"each id of shard {shard.name} is in exactly one of good, bad and skipped", wrong.sort())
        counts = [count + len(frame) for count, frame in zip(counts, outcomes, strict=True)]
    return counts


def check_dealt(missing: Iterable[pl.DataFrame], shards: Sequence[Iterable[pl.DataFrame]]) -> None:
    """Law 1 as well: every id that lacks a caption is in exactly one shard, and the shards have no other.

    Raises:
        UserError: not so.
    """
    for ids, *some in in_step([missing, *shards]):
        dealt = pl.concat([frame.select("id") for frame in some])["id"].sort()
        wrong = ids["id"].filter(~ids["id"].is_in(dealt.implode())).append(dealt.filter(~dealt.is_in(ids["id"].implode())))
        _hold("each post without a caption is in exactly one shard", wrong.append(dealt.filter(dealt.is_duplicated())).sort())


def check_captions(sources: Sequence[Iterable[pl.DataFrame]], merged: Iterable[pl.DataFrame]) -> tuple[list[int], int, int]:
    """Law 2: the merged captions are those of the sources, the latest of each id.

    Returns: the counts of the sources, how many captions a later source replaced, and the count of the merged.
    """
    counts, replaced, total = [0] * len(sources), 0, 0
    for *some, result in in_step([*sources, merged]):
        expected = pl.concat([frame.select("id", "value") for frame in some]).unique("id", keep="last", maintain_order=True)
        both = expected.join(result, on="id", how="full", coalesce=True, suffix="_merged")
        _hold(
            "meta_cap.json holds the latest caption of each id",
            both.filter(pl.col("value").ne_missing(pl.col("value_merged")))["id"],
        )
        counts = [count + len(frame) for count, frame in zip(counts, some, strict=True)]
        replaced += sum(map(len, some)) - len(expected)
        total += len(result)
    return counts, replaced, total


def check_coverage(
    posts: Iterable[pl.DataFrame],
    trained: Iterable[pl.DataFrame],
    captioned: Iterable[pl.DataFrame],
    missing: Sequence[Iterable[pl.DataFrame]],
) -> tuple[int, int, int]:
    """Law 3: every post is in meta_lat or in a list that says why not: no latent, or neither tags nor caption.

    Returns: the counts of posts, of entries of meta_lat, and of those among them that have tags for a caption.
    """
    total, entries, fallback = 0, 0, 0
    for ids, lat, cap, *lists in in_step([posts, trained, captioned, *missing]):
        no_tags, no_caption, no_latent = (frame["id"].implode() for frame in lists)
        excused = pl.col("id").is_in(no_latent) | (pl.col("id").is_in(no_tags) & pl.col("id").is_in(no_caption))
        there = pl.col("id").is_in(lat["id"].implode())
        _hold("every post is in meta_lat.json or in missing_final.json", ids.filter(there == excused)["id"])
        total, entries = total + len(ids), entries + len(lat)
        fallback += len(lat.join(cap, on="id", how="anti"))
    return total, entries, fallback


def lat_ids(path: str | Path) -> Iterator[pl.DataFrame]:
    """The ids of a meta_lat.json whose keys are ids or image paths, as a stream of `id`."""
    yield pl.DataFrame(schema={"id": pl.Int64})
    with open_input(path) as file:
        while lines := file.readlines(BLOCK):
            texts = [line[: line.find(b'": ') + 1].decode() for line in lines if line not in (b"{\n", b"}\n")]
            keys = pl.Series("id", texts, pl.String)
            yield pl.DataFrame({"id": keys.str.extract(r'(\d+)(?:\.\w+)?"$').cast(pl.Int64)})


def check_tars(folder: Path, entries: Iterable[pl.DataFrame], member: str, count: int) -> int:
    """Law 4: the tars hold exactly the texts `member` of the entries, byte for byte; return the number of texts.

    The sum over all texts of a 64-bit hash of id and text must be the same on both sides, tar by tar, and the sha256 of
    each tar that of its index. Holds one tar.
    """
    wanted = pl.DataFrame({"tar": range(count), "sum": [0] * count, "members": [0] * count}, schema_overrides={"sum": pl.UInt64})
    for frame in entries:
        texts = frame.select("id", text=decoded(member_text("value", member)))
        sums = texts.group_by(tar=pl.col("id") % count).agg(sum=_hash().sum(), members=pl.len().cast(pl.Int64))
        wanted = pl.concat([wanted, sums.select(wanted.columns)]).group_by("tar").agg(pl.col("sum", "members").sum())
    with progress(count, f"law of {folder}", unit="tars") as bar:
        for tar, expected, members in wanted.sort("tar").iter_rows():
            path = folder / f"{tar:04d}.tar"
            index = orjson.loads(path.with_suffix(".json").read_bytes())
            content = path.read_bytes()
            whole = hashlib.sha256(content).hexdigest() == index["hash_lfs"]
            if not whole or _texts_of(content, index["files"]) != (members, expected):
                raise UserError(f"{path}: does not hold the texts of its ids: delete the tars and build them again")
            bar.update(1)
    return int(wanted["members"].sum())


def _texts_of(tar: bytes, files: Mapping[str, Mapping[str, int]]) -> tuple[int, int]:
    """How many texts a tar holds, and the sum of their hashes."""
    ids = [int(name.split(".")[0]) for name in files]
    texts = [tar[place["offset"] : place["offset"] + place["size"]].decode() for place in files.values()]
    frame = pl.DataFrame({"id": ids, "text": texts}, schema={"id": pl.Int64, "text": pl.String})
    return len(frame), frame.select(_hash().sum()).item()


def _hash() -> pl.Expr:
    return pl.struct("id", "text").hash(seed=0)


def _hold(law: str, wrong: pl.Series) -> None:
    if len(wrong):
        raise UserError(f"law broken: {law}; not so for id {wrong[0]} and {len(wrong) - 1} more: rebuild with --forceall")
