"""Rule caption: one shard from its rows to its raw captions.

Outputs, ascending by id: `raw_{n}.jsonl`, `skipped_{n}.json` and `failed_{n}.json`; and `stats_{n}.json`. The texts and the
skipped ids are the same however often the job runs; `seconds` in raw and everything in stats describe one run.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from booruflow.captioning.backends.interface import Backend, shown_identity
from booruflow.captioning.failed import Failures, write_failed
from booruflow.captioning.generating import BackendPass
from booruflow.captioning.gpus.leases import lease
from booruflow.captioning.journal import Journal, JournalIndex, all_journal_files
from booruflow.captioning.planning import Flags, Keys, plan_keys, settings_digest
from booruflow.captioning.prompts.known import NOTHING, Known
from booruflow.captioning.shards import Shard
from booruflow.captioning.skipped import Skips, write_skipped
from booruflow.core.files import open_whole
from booruflow.core.tables import read_stream


@dataclass(frozen=True)
class Outputs:
    """The files of a caption job."""

    raw: Path
    skipped: Path
    failed: Path
    stats: Path


def caption_shard(
    shard: Shard,
    captioner: Mapping[str, Any],
    backends: Sequence[Backend],
    outputs: Outputs,
    threads: int,
    known: Known = NOTHING,
) -> None:
    """Caption a shard and write its files.

    `captioner` is the config section of that name. The first backend captions the shard. A second one, the fallback, takes the
    posts that the first cannot caption, and those whose requests failed in so many runs that they wait; its lines in raw are
    marked. Images are opened in `threads` threads. `known` is what the prompts may tell beyond the rows.

    Raises:
        UserError: see `Backend`, `Journal`, `lease`, `Engine.run`; nothing is written, and the journal keeps what was generated.
        SystemExit: stopped by SIGINT or SIGTERM; likewise.
    """
    skips: Skips = {}
    failures: Failures = {}
    candidates: set[int] | None = None  # before the first backend, all rows need a caption
    records = []
    with ExitStack() as stack:
        # One lease for all backends: torch reads CUDA_VISIBLE_DEVICES only once.
        lease_gpu = cache(lambda: stack.enter_context(lease()))
        # Lock the journal before reading it: another job may be writing its last captions.
        journal = stack.enter_context(Journal(shard.journal / shard.style, shard.number, shard.count))
        index = _journal_index(shard)
        for backend in backends:
            identity = backend.identity()
            planned, not_planned = plan_keys(shard, captioner, backend, identity, threads, candidates, known)
            settings = settings_digest(captioner, backend, identity)
            result = BackendPass(shard, captioner, backend, lease_gpu, threads, known).run(planned, index, journal, settings)
            if result.figures["generated"]["captions"]:
                index = _journal_index(shard)
            if candidates is None:
                keys, by_fallback = planned, np.zeros(len(planned), dtype=bool)
            else:
                by_fallback = planned != b""
                keys = np.where(by_fallback, planned, keys)
            impossible = not_planned | result.skips
            failures = {id_: failure for id_, failure in failures.items() if id_ in impossible or not failure.waits}
            failures |= result.failures
            skips = {id_: skip for id_, skip in impossible.items() if id_ not in failures}
            candidates = skips.keys() | {id_ for id_, failure in failures.items() if failure.waits}
            records.append({"identity": shown_identity(identity), "settings": settings, **result.figures})
        _write_raw(shard, keys, by_fallback, index, outputs.raw)
    write_skipped(outputs.skipped, skips)
    write_failed(outputs.failed, failures)
    with open_whole(outputs.stats) as file:
        file.write(orjson.dumps(records, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _journal_index(shard: Shard) -> JournalIndex:
    return JournalIndex(all_journal_files(shard.journal, shard.number, shard.count))


def _write_raw(shard: Shard, keys: Keys, by_fallback: Flags, index: JournalIndex, raw: Path) -> None:
    """One line per caption, ascending by id: its journal entry without key and settings, and a mark if the fallback wrote it.

    The id is that of the row: the key stands for it, and a journal can be damaged.
    """
    places = index.find(keys)
    ids = pl.concat(read_stream(shard.split, ["id"]))["id"]
    captioned = np.flatnonzero((keys != b"") & (places >= 0)).tolist()
    with open_whole(raw) as file:
        for row, entry in zip(captioned, index.read(places[captioned].tolist()), strict=True):
            line = {name: value for name, value in entry.items() if name not in ("key", "settings")} | {"id": ids[row]}
            file.write(orjson.dumps(line | {"fallback": True} if by_fallback[row] else line, option=orjson.OPT_APPEND_NEWLINE))
