import json
import os
import subprocess
import sys
import time

import polars as pl
import pytest
import yaml
from projects import ROOT
from small_shards import row

from booruflow.captioning.backends.registry import open_backends
from booruflow.captioning.journal import Journal
from booruflow.captioning.planning import settings_digest
from booruflow.captioning.shards import SHARD_SCHEMA, shard_of
from booruflow.core.errors import UserError
from booruflow.core.idjson import write_entries
from booruflow.review.journal_tail import JournalTail
from booruflow.review.live_progress import Watch
from booruflow.review.progress_text import progress_lines
from booruflow.review.reading.settings import read_settings

IDS = range(0, 200, 2)


def entry(id_, reason="stop", tokens=50):
    return {
        "key": "0" * 32, "id": id_, "text": 'She says "id":7,\n', "finish_reason": reason,
        "prompt_tokens": 9, "completion_tokens": tokens, "seconds": 0.5,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def config(tmp_path):
    """The data set's config.yaml: that of the sample, with changes of its sections."""

    def write(**sections):
        config = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
        for name, changes in sections.items():
            config[name] |= changes
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")

    write()
    return write


@pytest.fixture
def shards(tmp_path):
    """Two shards; returns the ids of each."""
    (tmp_path / "results/missing").mkdir(parents=True)
    (tmp_path / "results/captions").mkdir()
    return [write_split(tmp_path, number) for number in range(2)]


def write_split(tmp_path, number, ids=IDS, without_image=()):
    own = [id_ for id_ in ids if shard_of(pl.Series([id_]).to_numpy(), 2)[0] == number]
    rows = [row(id_, **({"image": None} if id_ in without_image else {})) for id_ in own]
    frame = pl.DataFrame(rows, schema=SHARD_SCHEMA, orient="row")
    frame.write_parquet(tmp_path / f"results/missing/split_{number}.parquet")
    return own


def finish(tmp_path, number, style=".", **outcomes):
    (tmp_path / "results/captions" / style).mkdir(exist_ok=True)
    for kind in ("bad", "skipped", "failed"):
        ids = outcomes.get(kind, [])
        entries = pl.DataFrame({"id": ids, "value": ["{}"] * len(ids)}, schema={"id": pl.Int64, "value": pl.String})
        write_entries(tmp_path / f"results/captions/{style}/{kind}_{number}.json", [entries])
    (tmp_path / f"results/captions/{style}/raw_{number}.jsonl").touch()


def test_only_what_was_added_is_read(tmp_path, shards, monkeypatch):
    monkeypatch.setattr(Watch, "_is_running", lambda self: True)
    watch = Watch(tmp_path)
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append(map(entry, shards[0][:4]))
        first = watch.read()
        assert (first.captions, first.total, first.answers, first.per_second) == (4, 100, 4, None)
        journal.append([entry(shards[0][3]), entry(shards[0][4], "length"), entry(999)])  # again, cut off, of no shard
        second = watch.read()
    assert (second.captions, second.answers, second.cut) == (5, 7, 1)
    assert second.per_second > 0 and second.seconds_left > 0
    assert [shard.state for shard in second.shards] == ["running", "waiting"]
    assert watch.read().answers == 7


def test_when_all_shards_are_done_there_is_no_pace(tmp_path, shards, monkeypatch):
    monkeypatch.setattr(Watch, "_is_running", lambda self: True)
    watch = Watch(tmp_path)
    watch.read()
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append(map(entry, shards[0]))
    assert watch.read().per_second
    finish(tmp_path, 0)
    finish(tmp_path, 1, skipped=shards[1])
    progress = watch.read()
    assert (progress.running, progress.over) == (True, False), "the run goes on with what follows"
    assert (progress.per_second, progress.seconds_left) == (None, None)


def test_answers_of_some_journals_are_not_shown_as_those_of_all(tmp_path, shards):
    with Journal(tmp_path / "journal/trial_json", 0, 1) as journal:
        journal.append([entry(shards[0][0]), entry(shards[1][0], "length")])
    watch = Watch(tmp_path)
    assert (watch.read().answers, watch.read().cut) == (2, 1)
    for number in range(2):
        finish(tmp_path, number)
    assert watch.read().answers == Watch(tmp_path).read().answers == 0
    assert not any("cut off" in line for line in progress_lines(watch.read()))


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
    states = [(shard.state, shard.captions, shard.without) for shard in progress.shards]
    assert states == [("done", len(shards[0]) - 1, 1), ("not started", 0, 0)]
    assert (progress.captions, progress.without) == (len(shards[0]) - 1, 1), "a skipped post is not captioned"
    assert (progress.bad, progress.parsed, progress.answers) == (2, len(shards[0]) - 1, 0)
    assert any(line.startswith(f"2 of {len(shards[0]) - 1} parsed answers bad") for line in progress_lines(progress))


def test_captions_and_outputs_of_other_settings_do_not_count(tmp_path, shards, config):
    captioner = {"model": str(ROOT / "sample/captioner"), "fallback": None}

    def present(**changes):
        config(captioner=captioner | changes)
        section = read_settings(tmp_path).captioner
        (backend,) = open_backends(section)
        return settings_digest(section, backend, backend.identity())

    warm, cold = present(temperature=0.5), present(temperature=0)
    assert warm != cold
    with Journal(tmp_path / "journal", 0, 2) as journal:
        of_each = zip((warm, cold, None), (shards[0][:7], shards[0][7:10], shards[0][10:11]), strict=True)
        journal.append(entry(id_) | ({"settings": digest} if digest else {}) for digest, ids in of_each for id_ in ids)
    finish(tmp_path, 1)
    (tmp_path / "results/captions/stats_1.json").write_text(json.dumps([{"settings": cold}]))
    states = [(shard.captions, shard.state) for shard in Watch(tmp_path).read().shards]
    assert states == [(3 + 1, "stopped"), (len(shards[1]), "done")], (
        "a line without a digest is taken to be of the present settings"
    )
    present(temperature=0.5)
    watch = Watch(tmp_path)
    assert [(shard.captions, shard.state) for shard in watch.read().shards] == [(7 + 1, "stopped"), (0, "not started")]
    (tmp_path / "results/captions/stats_1.json").write_text(json.dumps([{"settings": warm}]) + "\n")
    assert watch.read().shards[1].state == "done"
    config(captioner=captioner | {"model": "nowhere"})
    assert [shard.captions for shard in Watch(tmp_path).read().shards] == [11, len(shards[1])]


def test_shards_that_are_divided_anew_are_counted_anew(tmp_path, shards):
    watch = Watch(tmp_path)
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append(map(entry, shards[0]))
    assert watch.read().captions == len(shards[0])
    (tmp_path / "results/missing/split_0.parquet").unlink()
    assert "no shards in results/" in watch.read().note
    assert progress_lines(watch.read()) == [watch.read().note]
    new = write_split(tmp_path, 0, range(100))
    progress = watch.read()
    assert (progress.shards[0].posts, progress.shards[0].captions) == (len(new), len(set(new) & set(shards[0])))


def test_posts_without_an_image_are_not_waited_for(tmp_path, shards, monkeypatch, config):
    without = shards[0][:10]
    write_split(tmp_path, 0, without_image=without)
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append(map(entry, shards[0][5:15]))  # five of them have lost their image since
    progress = Watch(tmp_path).read()
    assert (progress.total, progress.captions, progress.without) == (100, 5, 10)
    assert progress_lines(progress)[0] == "5 of 100 captions, 10 skipped or failed (15.0%); nothing is running"
    config(captioner={"backend": "tipo"})  # writes from the tags
    progress = Watch(tmp_path).read()
    assert (progress.captions, progress.without) == (10, 0)


def test_each_style_has_its_shards(tmp_path, shards, monkeypatch, config):
    config(captioner={"styles": ["json", "long"], "style": None})
    monkeypatch.setattr(Watch, "_is_running", lambda self: True)
    for folder, ids in ((".", shards[0]), ("long", shards[0][:3]), ("trial_long", shards[1][:2]), ("trial_other", shards[1])):
        with Journal(tmp_path / "journal" / folder, 0, 1 if folder.startswith("trial") else 2) as journal:
            journal.append(map(entry, ids))
    finish(tmp_path, 0, bad=shards[0][:1])
    progress = Watch(tmp_path).read()
    assert [(shard.style, shard.number, shard.captions, shard.state) for shard in progress.shards] == [
        ("json", 0, len(shards[0]), "done"),
        ("json", 1, 0, "waiting"),
        ("long", 0, 3, "running"),
        ("long", 1, 2, "waiting"),
    ]
    assert (progress.captions, progress.total, progress.over) == (len(shards[0]) + 5, 200, False)
    for style, number in ((".", 1), ("long", 0), ("long", 1)):
        finish(tmp_path, number, style, bad=shards[number][:2], skipped=shards[number][2:3])
    monkeypatch.setattr(Watch, "_is_running", lambda self: False)
    progress = Watch(tmp_path).read()
    assert progress.over
    assert (progress.captions, progress.without, progress.bad, progress.parsed) == (197, 3, 7, 197)


def test_the_last_caption_says_which_shard_runs(tmp_path, shards, monkeypatch):
    monkeypatch.setattr(Watch, "_is_running", lambda self: True)
    for number, age in enumerate((3600, 1)):
        with Journal(tmp_path / "journal", number, 2) as journal:
            journal.append(map(entry, shards[number][:1]))
        os.utime(journal.path, (time.time() - age,) * 2)
    first, second = Watch(tmp_path).read().shards
    assert (first.state, second.state) == ("waiting", "running")
    assert 3600 <= first.quiet_seconds < 3700
    monkeypatch.setattr(Watch, "_is_running", lambda self: False)
    assert [shard.state for shard in Watch(tmp_path).read().shards] == ["stopped", "stopped"]


def test_a_journal_file_of_any_name_is_read(tmp_path, shards, monkeypatch):
    with Journal(tmp_path / "journal", 0, 1) as journal:
        journal.append([entry(shards[0][0]), entry(shards[1][0])])
    journal.path.rename(tmp_path / "journal/old.jsonl")
    read, new = [], JournalTail.new
    monkeypatch.setattr(JournalTail, "new", lambda tail, path: read.append(path.name) or new(tail, path))
    progress = Watch(tmp_path).read()
    assert [shard.captions for shard in progress.shards] == [1, 1]
    assert (progress.captions, progress.answers, read) == (2, 2, ["old.jsonl"]), "one file of all shards is read once"


def test_outputs_of_an_earlier_shard_of_that_number_do_not_count(tmp_path, shards):
    finish(tmp_path, 0)
    os.utime(tmp_path / "results/captions/raw_0.jsonl", (1, 1))
    assert Watch(tmp_path).read().shards[0].state == "not started"


def test_before_there_are_shards_the_command_to_start_is_named(tmp_path, monkeypatch):
    progress = Watch(tmp_path).read()
    assert progress.note == f"nothing captioned yet: start with `snakemake --cores 8` in {tmp_path}"
    assert progress_lines(progress) == [progress.note]
    assert not progress.over
    with Journal(tmp_path / "journal", 0, 2) as journal:
        journal.append([entry(2)])
    note = "no shards in results/; the captions in journal/ stay, and the next run takes them"
    assert Watch(tmp_path).read().note == f"{note}: start with `snakemake --cores 8` in {tmp_path}"
    monkeypatch.setattr(Watch, "_is_running", lambda self: True)
    assert Watch(tmp_path).read().note == "nothing captioned yet: the run has not divided the posts into shards"


def test_a_data_set_that_generates_no_captions_has_no_progress(tmp_path, config):
    config(captions={"generate": False})
    progress = Watch(tmp_path).read()
    assert progress.over and progress.note == "config.yaml: captions.generate is false: nothing is captioned"


def test_what_is_no_data_set_is_named(tmp_path):
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(UserError, match=r"config\.yaml: no such file"):
        Watch(tmp_path)


@pytest.mark.parametrize("script", ["snakemake", ".snakemake/scripts/tmp1.caption.py"])
def test_a_snakemake_of_the_folder_is_seen_and_a_job_that_outlives_it(tmp_path, script):
    (tmp_path / script).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / script).write_text("import sys; print(); sys.stdin.read()")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for cwd, running in ((elsewhere, False), (tmp_path, True)):
        command = [sys.executable, tmp_path / script]
        with subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            assert Watch(tmp_path).read().running == running
