import time

import polars as pl
import pytest
from small_shards import row

from booruflow.captioning.journal import Journal
from booruflow.captioning.shards import SHARD_SCHEMA, shard_of
from booruflow.core.idjson import write_entries
from booruflow.review import live_progress
from booruflow.review.journal_tail import Answer, JournalTail
from booruflow.review.live_progress import Watch
from booruflow.review.progress_text import progress_lines

IDS = range(0, 200, 2)


def entry(id_, reason="stop", tokens=50):
    return {
        "key": "0" * 32, "id": id_, "text": 'She says "id":7,\n', "finish_reason": reason,
        "prompt_tokens": 9, "completion_tokens": tokens, "seconds": 0.5,
    }  # fmt: skip


@pytest.fixture
def shards(tmp_path):
    """Two shards; returns the ids of each."""
    (tmp_path / "results/missing").mkdir(parents=True)
    (tmp_path / "results/captions").mkdir()
    return [write_split(tmp_path, number) for number in range(2)]


def write_split(tmp_path, number, ids=IDS):
    own = [id_ for id_ in ids if shard_of(pl.Series([id_]).to_numpy(), 2)[0] == number]
    frame = pl.DataFrame([row(id_) for id_ in own], schema=SHARD_SCHEMA, orient="row")
    frame.write_parquet(tmp_path / f"results/missing/split_{number}.parquet")
    return own


def finish(tmp_path, number, **outcomes):
    for kind in ("bad", "skipped", "failed"):
        ids = outcomes.get(kind, [])
        entries = pl.DataFrame({"id": ids, "value": ["{}"] * len(ids)}, schema={"id": pl.Int64, "value": pl.String})
        write_entries(tmp_path / f"results/captions/{kind}_{number}.json", [entries])
    (tmp_path / f"results/captions/raw_{number}.jsonl").touch()


def test_only_what_was_added_is_read(tmp_path, shards, monkeypatch):
    monkeypatch.setattr(Watch, "_is_running", lambda self: True)
    watch = Watch(tmp_path)
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append(map(entry, shards[0][:4]))
        first = watch.read()
        assert (first.finished, first.posts, first.answers, first.per_second) == (4, 100, 4, None)
        journal.append([entry(shards[0][3]), entry(shards[0][4], "length"), entry(999)])  # again, cut off, of no shard
        second = watch.read()
    assert (second.finished, second.answers, second.cut) == (5, 7, 1)
    assert second.per_second > 0 and second.seconds_left > 0
    assert [shard.state for shard in second.shards] == ["running", "waiting"]
    assert watch.read().answers == 7


def test_the_time_left_goes_by_tokens(tmp_path, shards, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Watch, "_is_running", lambda self: True)
    watch = Watch(tmp_path)
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append([entry(id_, tokens=100) for id_ in shards[0][:10]])
        watch.read()
        now[0] += 10
        journal.append([entry(id_, tokens=10) for id_ in shards[0][10:20]])  # the short ones first
        progress = watch.read()
    assert progress.per_second == 1.0
    # 80 left, 55 tokens on average, 10 tokens a second
    assert progress.seconds_left == pytest.approx(80 * 55 / 10)


def test_shards_that_are_done_are_not_read_and_their_bad_outputs_counted(tmp_path, shards):
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append(map(entry, shards[0]))
    finish(tmp_path, 0, bad=[2, 4], skipped=[6])
    progress = Watch(tmp_path).read()
    assert [(shard.state, shard.finished) for shard in progress.shards] == [("done", len(shards[0])), ("not started", 0)]
    assert (progress.bad, progress.parsed, progress.answers) == (2, len(shards[0]) - 1, 0)
    assert any(line.startswith(f"2 of {len(shards[0]) - 1} parsed answers bad") for line in progress_lines(progress))


def test_shards_that_are_divided_anew_are_counted_anew(tmp_path, shards):
    watch = Watch(tmp_path)
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append(map(entry, shards[0]))
    assert watch.read().finished == len(shards[0])
    (tmp_path / "results/missing/split_0.parquet").unlink()
    assert "split_0.parquet is missing" in watch.read().note
    assert progress_lines(watch.read()) == [watch.read().note]
    new = write_split(tmp_path, 0, range(100))
    progress = watch.read()
    assert (progress.shards[0].posts, progress.shards[0].finished) == (len(new), len(set(new) & set(shards[0])))


def test_a_cut_line_is_read_when_it_is_whole(tmp_path, monkeypatch):
    tail, path = JournalTail(), tmp_path / "shard_0_of_1.jsonl"
    whole = b'{"key":"%s","id":3,"text":"a","finish_reason":"length","prompt_tokens":1,"completion_tokens":2,"seconds":0.1}\n' % (
        b"0" * 32
    )
    path.write_bytes(whole + whole[:20])
    assert list(tail.new(path)) == [[Answer(3, "length", 2)]]
    assert list(tail.new(path)) == []
    path.write_bytes(whole + whole + b'{"id": 4, "finish_reason": "stop"}\n\xff\n[]\n')
    assert list(tail.new(path)) == [[Answer(3, "length", 2), Answer(4, "stop", 0)]]
    path.write_bytes(whole[:20])  # shorter: another file
    assert list(tail.new(path)) == []
    assert list(tail.new(tmp_path / "none.jsonl")) == []


def test_a_line_longer_than_a_block_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("booruflow.review.journal_tail.READ_BYTES", 100)
    with Journal(tmp_path, 0, 1) as journal:
        journal.append([entry(1) | {"text": "x" * 1000}, entry(2)])
    answers = [answer for part in JournalTail().new(tmp_path / "shard_0_of_1.jsonl") for answer in part]
    assert [answer.id for answer in answers] == [1, 2]


def test_the_log_that_was_written_last_is_shown_as_text(tmp_path, shards):
    logs = tmp_path / "results/logs"
    logs.mkdir()
    (logs / "caption_0.log").write_text("a job")
    assert Watch(tmp_path).read().engine_log == ["a job"]
    (logs / "caption_0.engine.log").write_bytes(b"old\n" * 30 + b"\x1b[31mred\x1b[0m \x07bell\r10%\r20%\n\xff\n" + b"x" * 1000)
    lines = Watch(tmp_path).read().engine_log
    assert lines[-5:] == ["red bell", "10%", "20%", "\ufffd", "x" * 400]
    assert len(lines) == live_progress.LOG_LINES


def test_of_many_shards_those_that_run_are_shown(tmp_path):
    states = [live_progress.ShardState(n, 10, 10, "running" if n in (40, 70) else "done") for n in range(100)]
    lines = progress_lines(live_progress.Progress(states, 1000, 1000, running=True), 3)
    assert [line.split()[0] for line in lines[-4:]] == ["0", "40", "70", "..."]
