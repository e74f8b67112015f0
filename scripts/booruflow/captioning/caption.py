"""One shard, from its rows to its raw captions: what is in the journal is kept, the rest is generated.

Products of a job: `raw_{n}.jsonl` and `skipped_{n}.json`, both ascending by id, and `stats_{n}.json`. Texts and skipped
ids are the same whenever and however often the job runs; `seconds` in raw and all of stats are records of one run.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
import polars as pl
import pyarrow.parquet as pq

from booruflow.captioning.backends import Backend, Request, Result, open_backend
from booruflow.captioning.engine import BATCHES_A_BLOCK, UNREADABLE, Engine, Meter, Stop, blocks_of
from booruflow.captioning.gpus.leases import lease
from booruflow.captioning.gpus.monitor import Watch
from booruflow.captioning.journal import Index, Journal, files_for
from booruflow.captioning.prompts import Prompt, prompt_of
from booruflow.core.errors import Unreadable
from booruflow.core.files import open_whole
from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.core.progress import progress
from booruflow.sources.images.decoding import open_image
from booruflow.sources.images.reading import fingerprint, read_image

Row = Mapping[str, Any]
Keys: TypeAlias = "np.ndarray[Any, np.dtype[np.bytes_]]"
Flags: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"

Skips: TypeAlias = dict[int, dict[str, str]]
"""Ids without a caption -> `{"reason": ..., "detail": ...}`; the detail only where there is one."""

PLANNED_AT_ONCE = 4096
NO_KEY = bytes(16)

NO_IMAGE, NO_METADATA = "no image", "no metadata"


@dataclass(frozen=True)
class Shard:
    """What a caption job reads: shard `number` of `count`, its rows, its images and its journal."""

    split: Path
    """Parquet, one row per id, ascending: see `blocks_of_rows`."""
    images: Path
    journal: Path
    number: int
    count: int


@dataclass(frozen=True)
class Job:
    """One caption to make (see `booruflow.captioning.engine.Job`)."""

    row: Row
    key: bytes
    prompt: Prompt
    images: Path
    needs_image: bool

    @property
    def id(self) -> int:
        """The post's id."""
        return int(self.row["id"])

    def request(self) -> Request:
        """Read and open the image.

        Raises:
            Unreadable: it cannot be opened.
        """
        image = open_image(read_image(self.images, *place_of(self.row))) if self.needs_image else None
        return Request(self.id, self.prompt, image)


def caption_shard(shard: Shard, captioner: Mapping[str, Any], raw: Path, skipped: Path, stats: Path, threads: int) -> None:
    """Do all of a caption job.

    `captioner` is the config section of that name. Images are opened in `threads` threads. The backend
    `captioner.fallback`, if any, takes the ids for which the main one found no image; its lines are marked.

    Raises:
        UserError: see `Backend`, `Journal`, `lease`.
        SystemExit: SIGINT or SIGTERM asked to stop; no product is written, the journal keeps what was finished.
    """
    with ExitStack() as stack:
        # one lease for both backends: torch reads CUDA_VISIBLE_DEVICES once
        gpu = cache(lambda: stack.enter_context(lease()))
        turn = Turn(shard, captioner, open_backend(captioner["backend"], captioner), gpu, threads)
        keys, skips = turn.plan(lambda _: True)
        skips |= turn.generate(keys)
        records = [turn.record]
        fallback = np.zeros(len(keys), dtype=bool)
        if captioner["fallback"]:
            turn = Turn(shard, captioner, open_backend(captioner["fallback"], captioner), gpu, threads)
            second, still = turn.plan(lambda row: row["id"] in skips)
            skips = still | turn.generate(second)
            records.append(turn.record)
            fallback = second != b""
            keys = np.where(fallback, second, keys)
    _write_raw(shard, keys, fallback, raw)
    _write_skipped(skips, skipped)
    with open_whole(stats) as file:
        file.write(orjson.dumps(records, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


class Turn:
    """One backend's turn at a shard."""

    def __init__(
        self, shard: Shard, captioner: Mapping[str, Any], backend: Backend, gpu: Callable[[], str], threads: int
    ) -> None:
        self.shard, self.captioner, self.backend, self.threads = shard, captioner, backend, threads
        self._gpu = gpu
        identity = backend.identity()
        self.record: dict[str, Any] = {"identity": identity, "generated": asdict(Meter())}
        """For the stats."""
        even = {name: float(value) if type(value) is int else value for name, value in identity.items()}  # 1 is 1.0
        self._digest = hashlib.sha256(orjson.dumps(even, option=orjson.OPT_SORT_KEYS))

    def plan(self, wanted: Callable[[Row], bool]) -> tuple[Keys, Skips]:
        """The journal key of each row (empty where there is none), and why a wanted row has none, by id."""
        keys = bytearray()
        skips: Skips = {}
        total = pq.read_metadata(self.shard.split).num_rows
        with progress(total, "looking at images", "images") as bar, ThreadPoolExecutor(self.threads) as pool:
            for rows in blocks_of_rows(self.shard.split, PLANNED_AT_ONCE):
                found = pool.map(lambda row: self._key(row) if wanted(row) else NO_KEY, rows)
                for row, key in zip(rows, found, strict=True):
                    if isinstance(key, dict):
                        skips[row["id"]] = key
                    keys += NO_KEY if isinstance(key, dict) else key
                bar.update(len(rows))
        return np.frombuffer(bytes(keys), dtype="S16"), skips

    def generate(self, keys: Keys) -> Skips:
        """Generate what the journal lacks; returns why an id still got nothing."""
        stop = Stop()
        with ExitStack() as stack:
            # locked before it is read: another job may just be writing its last captions
            journal = stack.enter_context(Journal(self.shard.journal, self.shard.number, self.shard.count))
            index = Index(files_for(self.shard.journal, self.shard.number, self.shard.count))
            pending = (keys != b"") & (index.find(keys) < 0)
            total = int(pending.sum())
            if not total:
                return {}
            gpu = self._gpu() if self.backend.needs_gpu else None
            watch = stack.enter_context(Watch(gpu, self.captioner["max_temperature"], lambda: stop.number > 0))
            stack.enter_context(stop.on_signals())

            def keep(done: list[tuple[Job, Result]]) -> None:
                journal.append({"key": job.key.hex(), **asdict(result)} for job, result in done)

            engine: Engine[Job] = Engine(self.backend, keep, stop, self.threads, watch.cool)
            try:
                engine.run(blocks_of(self._jobs(keys, pending), self.backend.at_once), total)
            finally:
                visible = os.environ.get("CUDA_VISIBLE_DEVICES")
                self.record |= {"generated": asdict(engine.meter), "gpu": visible, **watch.figures()}
                meter = engine.meter
                made = f"{meter.captions} of {total} captions made, {len(engine.skipped)} skipped"
                sys.stderr.write(f"{made}, {meter.captions / max(meter.generating, 1e-9):.2f} images/s, {meter.line()}\n")
        return engine.skipped

    def _prompt(self, row: Row) -> Prompt:
        """What the model is told: the style's question with the tags as grounding, or the tags alone."""
        if not self.backend.needs_image:
            named = {"general": row["general"], "characters": row["characters"], "artist": row["artists"]}
            return Prompt("", "\n".join(f"{name}: {tags}" for name, tags in named.items() if tags))
        grounding = (row["general"], row["characters"]) if self.captioner["grounding"] else ("", "")
        return prompt_of(self.captioner["style"], *grounding)

    def _key(self, row: Row) -> bytes | dict[str, str]:
        """A digest of the id and of all that determines the text; or why this row can have no caption."""
        image, prompt = None, self._prompt(row)
        if (not row["has_metadata"] and (self.captioner["grounding"] or not self.backend.needs_image)) or not prompt.user:
            return {"reason": NO_METADATA}
        if self.backend.needs_image:
            if row["image"] is None:
                return {"reason": NO_IMAGE}
            try:
                image = fingerprint(self.shard.images, *place_of(row))
            except Unreadable as error:
                return {"reason": UNREADABLE, "detail": str(error)}
        digest = self._digest.copy()
        digest.update(orjson.dumps([row["id"], *prompt, image]))
        return digest.digest()[:16]

    def _jobs(self, keys: Keys, pending: Flags) -> Iterator[list[Job]]:
        """The pending rows as jobs, in blocks of consecutive rows."""
        size = BATCHES_A_BLOCK * self.backend.at_once
        start = 0
        for rows in blocks_of_rows(self.shard.split, size):
            at = range(start, start + len(rows))
            start += len(rows)
            yield [
                Job(
                    row,
                    bytes(keys[place]).ljust(16, b"\0"),
                    self._prompt(row),
                    self.shard.images,
                    self.backend.needs_image,
                )
                for row, place in zip(rows, at, strict=True)
                if pending[place]
            ]


def blocks_of_rows(split: Path, size: int) -> Iterator[list[Row]]:
    """The rows of a shard, `size` at a time (the last block may be shorter).

    Columns used: id Int64 (ascending), general, characters, artists String (tags joined by `, `, may be empty),
    image String or null (path below the images folder), offset and size Int64 (in a tar, else null),
    has_metadata Boolean.
    """
    with pq.ParquetFile(split) as file:
        for batch in file.iter_batches(size):
            yield batch.to_pylist()


def place_of(row: Row) -> tuple[str, int | None, int | None]:
    """Where a row's image is, as `booruflow.sources.images` wants it."""
    return row["image"], row["offset"], row["size"]


def _write_raw(shard: Shard, keys: Keys, fallback: Flags, raw: Path) -> None:
    """One line per caption, ascending by id, from the journal; a caption of the fallback says so."""
    index = Index(files_for(shard.journal, shard.number, shard.count))
    places = index.find(keys)
    told = (keys != b"") & (places >= 0)
    with open_whole(raw) as file:
        for entry, other in zip(index.read(places[told].tolist()), fallback[told], strict=True):
            line = {field.name: entry[field.name] for field in fields(Result)}
            file.write(orjson.dumps(line | {"fallback": True} if other else line, option=orjson.OPT_APPEND_NEWLINE))


def _write_skipped(skips: Skips, skipped: Path) -> None:
    """Which ids got no caption and why, keyed by id."""
    values = {id_: orjson.dumps(skips[id_]).decode() for id_ in sorted(skips)}
    write_entries(skipped, [pl.DataFrame({"id": list(values), "value": list(values.values())}, schema=ENTRY_SCHEMA)])
