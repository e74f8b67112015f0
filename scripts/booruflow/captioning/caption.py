"""Rule caption: one shard from its rows to its raw captions.

Outputs: `raw_{n}.jsonl` and `skipped_{n}.json`, both ascending by id, and `stats_{n}.json`. The texts and the skipped ids
are the same however often the job runs; `seconds` in raw and everything in stats describe one run.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from booruflow.captioning.backends.interface import Backend
from booruflow.captioning.generating import BackendPass
from booruflow.captioning.gpus.leases import lease
from booruflow.captioning.journal import JournalIndex, journal_files
from booruflow.captioning.planning import Flags, Keys, plan_keys
from booruflow.captioning.shards import Shard
from booruflow.captioning.skipped import Skips, write_skipped
from booruflow.core.files import open_whole


def caption_shard(
    shard: Shard, captioner: Mapping[str, Any], backends: Sequence[Backend], raw: Path, skipped: Path, stats: Path, threads: int
) -> None:
    """Caption a shard and write its files.

    `captioner` is the config section of that name. The first backend captions the shard; a second one, the fallback,
    takes the posts that the first gave no caption, and its lines in raw are marked. Images are opened in `threads` threads.

    Raises:
        UserError: see `Backend`, `Journal`, `lease`.
        SystemExit: stopped by SIGINT or SIGTERM; nothing is written, and the journal keeps what was generated.
    """
    skips: Skips | None = None  # before the first backend, all rows need a caption
    records = []
    with ExitStack() as stack:
        # One lease for all backends: torch reads CUDA_VISIBLE_DEVICES only once.
        lease_gpu = cache(lambda: stack.enter_context(lease()))
        for backend in backends:
            identity = backend.identity()
            planned, not_planned = plan_keys(shard, captioner, backend, identity, threads, skips)
            failed, figures = BackendPass(shard, captioner, backend, lease_gpu, threads).run(planned)
            if skips is None:
                keys, by_fallback = planned, np.zeros(len(planned), dtype=bool)
            else:
                by_fallback = planned != b""
                keys = np.where(by_fallback, planned, keys)
            skips = not_planned | failed
            records.append({"identity": identity, **figures})
    _write_raw(shard, keys, by_fallback, raw)
    write_skipped(skipped, skips or {})
    with open_whole(stats) as file:
        file.write(orjson.dumps(records, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _write_raw(shard: Shard, keys: Keys, by_fallback: Flags, raw: Path) -> None:
    """One line per caption, ascending by id: its journal entry without the key, and a mark if the fallback wrote it."""
    index = JournalIndex(journal_files(shard.journal, shard.number, shard.count))
    places = index.find(keys)
    captioned = np.flatnonzero((keys != b"") & (places >= 0)).tolist()
    with open_whole(raw) as file:
        for row, entry in zip(captioned, index.read(places[captioned].tolist()), strict=True):
            line = {name: value for name, value in entry.items() if name != "key"}
            file.write(orjson.dumps(line | {"fallback": True} if by_fallback[row] else line, option=orjson.OPT_APPEND_NEWLINE))
