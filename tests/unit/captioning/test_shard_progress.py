import os
import time

import polars as pl
import pytest
from small_shards import row

from booruflow.captioning import shard_progress
from booruflow.captioning.journal import Journal, read_journal
from booruflow.captioning.shard_progress import progress_of
from booruflow.captioning.shards import SHARD_SCHEMA
from booruflow.core.errors import UserError


def test_each_shard_and_the_total(tmp_path):
    (tmp_path / "results/missing").mkdir(parents=True)
    for number in range(3):
        rows = [row(id_) for id_ in range(30) if id_ % 3 == number]
        pl.DataFrame(rows, schema=SHARD_SCHEMA, orient="row").write_parquet(tmp_path / f"results/missing/split_{number}.parquet")
    with Journal(tmp_path / "journal", 0, 3) as journal:
        journal.append([{"key": "0" * 32, "id": id_, "text": "", "finish_reason": "stop"} for id_ in (0, 3, 3, 6)])
    with Journal(tmp_path / "journal", 1, 3) as journal:
        journal.append([{"key": "0" * 32, "id": id_, "text": "", "finish_reason": "stop"} for id_ in range(1, 30, 3)])
    an_hour_ago = time.time() - 3600
    os.utime(tmp_path / "journal/shard_0_of_3.jsonl", (an_hour_ago, an_hour_ago))
    (tmp_path / "results/captions").mkdir()
    (tmp_path / "results/captions/raw_1.jsonl").touch()
    head, *lines = (line.split() for line in progress_of(tmp_path))
    assert head == ["shard", "posts", "journalled", "state"]
    assert 3600 <= int(lines[0].pop(6)) < 3700
    assert lines == [
        ["0", "10", "3", "30%", "last", "caption", "s", "ago"],
        ["1", "10", "10", "100%", "done"],
        ["2", "10", "0", "0%", "no", "caption", "yet"],
        ["all", "30", "13", "43%"],
    ]


def test_without_shards_the_error_names_the_folder(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}/results/missing: no split"):
        list(progress_of(tmp_path))


def test_outputs_of_an_earlier_shard_of_that_number_do_not_count(tmp_path):
    for folder in ("missing", "captions"):
        (tmp_path / "results" / folder).mkdir(parents=True)
    (tmp_path / "results/captions/raw_0.jsonl").touch()
    os.utime(tmp_path / "results/captions/raw_0.jsonl", (1, 1))
    pl.DataFrame([row(0)], schema=SHARD_SCHEMA, orient="row").write_parquet(tmp_path / "results/missing/split_0.parquet")
    assert [line.split()[-1] for line in progress_of(tmp_path)] == ["state", "yet", "0%"]


def test_a_journal_file_of_all_shards_is_read_once(tmp_path, monkeypatch):
    (tmp_path / "results/missing").mkdir(parents=True)
    for number in range(3):
        pl.DataFrame([row(number)], schema=SHARD_SCHEMA, orient="row").write_parquet(
            tmp_path / f"results/missing/split_{number}.parquet"
        )
    with Journal(tmp_path / "journal", 0, 1) as journal:
        journal.append([{"key": "0" * 32, "id": 2, "text": "", "finish_reason": "stop"}])
    (tmp_path / "journal/shard_0_of_1.jsonl").rename(tmp_path / "journal/old.jsonl")
    read = []
    monkeypatch.setattr(shard_progress, "read_journal", lambda path: read.append(path.name) or read_journal(path))
    assert [line.split()[2] for line in list(progress_of(tmp_path))[1:]] == ["0", "0", "1", "1"]
    assert read == ["old.jsonl"]
