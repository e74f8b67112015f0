import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chat_server import OK, Server
from echo import EchoBackend
from small_shards import CAPTIONER, make_shard, row

from booruflow.captioning.backends.interface import Generation, Prepared
from booruflow.captioning.backends.openai import OpenAIBackend
from booruflow.captioning.caption import Outputs, caption_shard
from booruflow.captioning.gpus.leases import lease
from booruflow.captioning.prompts.known import NOTHING, Known
from booruflow.captioning.shards import shard_of
from booruflow.core.errors import UserError

HELPERS = Path(__file__).parents[2] / "helpers"


def run(shard, tmp_path, backends=(EchoBackend,), known=NOTHING, **changes):
    """Run a job; returns raw (by id), skipped, stats."""
    captioner = CAPTIONER | changes
    outputs = Outputs(*(tmp_path / name for name in ("raw.jsonl", "skipped.json", "failed.json", "stats.json")))
    caption_shard(shard, captioner, [backend(captioner) for backend in backends], outputs, threads=2, known=known)
    raw = [json.loads(line) for line in outputs.raw.read_text().splitlines()]
    assert [line["id"] for line in raw] == sorted({line["id"] for line in raw})
    return {line["id"]: line for line in raw}, json.loads(outputs.skipped.read_text()), json.loads(outputs.stats.read_text())


def failed(tmp_path):
    """The failed file of the last job."""
    return json.loads((tmp_path / "failed.json").read_text())


def test_every_id_is_in_raw_or_skipped_with_its_reason(tmp_path):
    rows = [row(id_) for id_ in range(20)]
    rows[3] = row(3, image=None)
    rows[4] = row(4, has_metadata=False)
    shard = make_shard(tmp_path, rows)
    (tmp_path / "images/5.png").unlink()
    (tmp_path / "images/6.png").write_bytes(b"not an image")
    raw, skipped, stats = run(shard, tmp_path)
    assert set(raw) == set(range(20)) - {3, 4, 5, 6}
    assert {id_: entry["reason"] for id_, entry in skipped.items()} == {
        "3": "no image",
        "4": "no metadata",
        "5": "unreadable image",
        "6": "unreadable image",
    }
    assert list(raw[0]) == ["id", "text", "finish_reason", "prompt_tokens", "completion_tokens", "seconds"]
    assert "<tags>1girl, tag_0</tags>" in raw[0]["text"]
    assert stats[0]["generated"]["captions"] == 16


def test_the_journal_and_the_statistics_tell_settings_apart_and_raw_does_not(tmp_path):
    shard = make_shard(tmp_path, [row(id_) for id_ in range(4)])
    first, _, stats = run(shard, tmp_path)
    digests = [stats[0]["settings"]]
    for changes in ({"model": "other"}, {"grounding": []}, {"batch_size": 3, "grounding": []}):
        raw, _, stats = run(shard, tmp_path, **changes)
        digests.append(stats[0]["settings"])
        assert list(raw[0]) == list(first[0])
    assert digests[2] == digests[3], "what only operates a job does not count"
    assert len(set(digests)) == 3
    journal = [json.loads(line)["settings"] for line in next((tmp_path / "journal").glob("*.jsonl")).read_text().splitlines()]
    assert journal == [digest for digest in digests[:3] for _ in range(4)]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"no table", lambda data: data[:4] + bytes(400) + data[404:]]
)
def test_a_damaged_table_of_the_shard_is_one_line(tmp_path, damage):
    shard = make_shard(tmp_path, [row(id_) for id_ in range(9)])
    shard.split.write_bytes(damage(shard.split.read_bytes()))
    with pytest.raises(UserError, match=rf"^{shard.split}: (not a complete parquet file|cannot be read) \(.+\): ") as caught:
        run(shard, tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*raw*"))


def test_a_finished_job_generates_and_loads_nothing(tmp_path):
    log = tmp_path / "log"
    shard = make_shard(tmp_path, [row(id_) for id_ in range(9)])
    first, _, _ = run(shard, tmp_path, log=str(log))
    before = log.read_bytes()
    second, _, stats = run(shard, tmp_path, log=str(log))
    assert (second, log.read_bytes()) == (first, before)
    assert stats[0]["generated"]["captions"] == 0


@pytest.mark.parametrize("change", [{"model": "echo-2"}, {"style": "short"}, {"grounding": []}])
def test_whatever_determines_the_text_is_part_of_the_key(tmp_path, change):
    shard = make_shard(tmp_path, [row(1), row(2)])
    run(shard, tmp_path)
    _, _, stats = run(shard, tmp_path, **change)
    assert stats[0]["generated"]["captions"] == 2
    _, _, stats = run(shard, tmp_path)
    assert stats[0]["generated"]["captions"] == 0


def test_changed_tags_or_pixels_are_captioned_again(tmp_path):
    shard = make_shard(tmp_path, [row(1), row(2), row(3)])
    run(shard, tmp_path)
    (tmp_path / "images/2.png").write_bytes((tmp_path / "images/1.png").read_bytes())
    make_shard(tmp_path, [row(1), row(2), row(3, general="hat")])
    raw, _, stats = run(shard, tmp_path)
    assert stats[0]["generated"]["captions"] == 2
    assert "hat" in raw[3]["text"]


def test_another_number_of_shards_finds_everything(tmp_path):
    ids = np.arange(30)
    rows = [row(int(id_)) for id_ in ids]
    for number in range(2):
        run(make_shard(tmp_path, [rows[id_] for id_ in ids if shard_of(ids, 2)[id_] == number], number, 2), tmp_path)
    for number in range(3):
        shard_rows = [rows[id_] for id_ in ids if shard_of(ids, 3)[id_] == number]
        raw, _, stats = run(make_shard(tmp_path, shard_rows, number, 3), tmp_path)
        assert stats[0]["generated"]["captions"] == 0
        assert set(raw) == {r["id"] for r in shard_rows}


@pytest.mark.parametrize("failing", [[7], list(range(40))])
def test_requests_that_fail_are_repeated_by_the_next_runs_until_they_wait(tmp_path, failing):
    shard = make_shard(tmp_path, [row(id_) for id_ in range(50)])
    log = tmp_path / "log"
    for attempt in (1, 2, 3, 3):
        log.write_text("")
        raw, skipped, _ = run(shard, tmp_path, failing=failing, log=str(log))
        assert (set(raw), skipped) == (set(range(50)) - set(failing), {})
        assert failed(tmp_path) == {str(id_): {"reason": "no luck", "attempts": attempt} for id_ in failing}
        first, last = raw, log.read_text().split()
    assert last == []
    shutil.rmtree(shard.attempts)  # the word
    raw, _, stats = run(shard, tmp_path)
    assert (failed(tmp_path), len(raw), stats[0]["generated"]["captions"]) == ({}, 50, len(failing))
    assert {id_: raw[id_] for id_ in first} == first


def test_another_image_makes_a_request_that_waits_a_new_one(tmp_path):
    shard = make_shard(tmp_path, [row(1), row(2)])
    for _ in range(3):
        run(shard, tmp_path, failing=[1])
    (tmp_path / "images/1.png").write_bytes((tmp_path / "images/2.png").read_bytes())
    run(shard, tmp_path, failing=[1])
    assert failed(tmp_path) == {"1": {"reason": "no luck", "attempts": 1}}
    raw, _, _ = run(shard, tmp_path)
    assert (set(raw), failed(tmp_path)) == ({1, 2}, {})


def test_attempts_count_whatever_the_number_of_shards(tmp_path):
    rows = [row(id_) for id_ in range(0, 12, 2)]
    for _ in range(3):
        run(make_shard(tmp_path, rows, 0, 2), tmp_path, failing=[6])
    log = tmp_path / "log"
    run(make_shard(tmp_path, [row(0), row(6)], 0, 3), tmp_path, log=str(log))
    assert failed(tmp_path) == {"6": {"reason": "no luck", "attempts": 3}}
    assert not log.exists()


@pytest.mark.parametrize("posts", [1, 60])
def test_a_broken_backend_is_an_error_and_counts_against_no_request(tmp_path, posts):
    shard = make_shard(tmp_path, [row(id_) for id_ in range(posts)])
    for _ in range(4):
        with pytest.raises(UserError, match=r"failed \(no luck\), and so did a test with a plain image: the backend is at fault"):
            run(shard, tmp_path, broken=True)
    assert not (tmp_path / "failed.json").exists() and not shard.attempts.exists()
    raw, _, _ = run(shard, tmp_path)
    assert len(raw) == posts


BREAKDOWNS = [
    (0, (500, "oh")),
    (1, (500, "oh")),
    (9, (402, '{"error": "quota"}')),
    (1, (429, "{}")),
    (9, (401, "{}")),
    (0, (400, '{"error": "unknown field"}')),
    (1, "hang"),
    (9, "drop"),
    (0, (200, "<html>proxy</html>")),
    (1, (200, "")),
    (9, (200, OK[1][:40])),
]
"""How many requests a server answers, and then what it does."""


def posts_of(requests):
    """The posts of requests to a server, but for the probes."""
    texts = [request["messages"][1]["content"][1]["text"] for request in requests]
    return [int(tag[1]) for text in texts if (tag := re.search(r"tag_(\d+)", text))]


@pytest.mark.parametrize(("successes", "breakdown"), BREAKDOWNS)
def test_a_server_that_breaks_down_loses_nothing_and_writes_nothing_off(tmp_path, successes, breakdown):
    shard = make_shard(tmp_path, [row(id_) for id_ in range(20)])
    server = Server(answer=lambda _, number: OK if number <= successes else breakdown)
    options = {"base_urls": [server.url], "api_key_file": None, "timeout": 2.0, "retries": 0, "extra_body": {}}
    with pytest.raises(UserError):
        run(shard, tmp_path, [OpenAIBackend], openai=options)
    assert list(tmp_path.glob("*.json*")) == [] and not shard.attempts.exists()
    server.answer = lambda *_: OK
    raw, skipped, _ = run(shard, tmp_path, [OpenAIBackend], openai=options)
    assert (list(raw), skipped, failed(tmp_path)) == (list(range(20)), {}, {})
    assert sorted(posts_of(server.answered)) == list(range(20))  # each once


@pytest.mark.parametrize("fault", [(500, "oh"), (400, "{}"), "hang", "drop", (200, "")])
def test_a_request_that_a_working_server_never_answers_fails_alone(tmp_path, fault):
    shard = make_shard(tmp_path, [row(id_) for id_ in range(20)])
    server = Server(answer=lambda body, _: fault if posts_of([body]) == [7] else OK)
    options = {"base_urls": [server.url], "api_key_file": None, "timeout": 2.0, "retries": 0, "extra_body": {}}
    for attempt in (1, 2, 3, 3):
        raw, _, _ = run(shard, tmp_path, [OpenAIBackend], openai=options)
        assert len(raw) == 19
        assert {id_: entry["attempts"] for id_, entry in failed(tmp_path).items()} == {"7": attempt}
    assert sorted(posts_of(server.requests)) == sorted([*range(20), *[7] * 5])


def test_a_caption_stays_with_its_post_whatever_id_a_damaged_journal_gives_it(tmp_path):
    shard = make_shard(tmp_path, [row(1), row(2)])
    first, _, _ = run(shard, tmp_path)
    journal = tmp_path / "journal/shard_0_of_1.jsonl"
    journal.write_text(journal.read_text().replace('"id":1,', '"id":7,'))
    second, _, stats = run(shard, tmp_path)
    assert (second, stats[0]["generated"]["captions"]) == (first, 0)
    assert list(first[1]) == list(second[1])


def test_styles_write_to_journals_of_their_own_and_read_all(tmp_path):
    main = make_shard(tmp_path, [row(id_) for id_ in range(5)])
    short = replace(main, style="short")
    assert "json" in run(main, tmp_path)[0][0]["text"] and "medium-short" in run(short, tmp_path, style="short")[0][0]["text"]
    assert sorted(path.relative_to(tmp_path / "journal").as_posix() for path in (tmp_path / "journal").rglob("*.jsonl")) == [
        "shard_0_of_1.jsonl",
        "short/shard_0_of_1.jsonl",
    ]
    for shard, style in ((main, "short"), (replace(main, style="json"), "json")):  # the other way round
        _, _, stats = run(shard, tmp_path, style=style)
        assert stats[0]["generated"]["captions"] == 0
    run(short, tmp_path, style="short", failing=[3], model="echo-2")
    assert [path.parent.name for path in shard_files(tmp_path / "attempts")] == ["short"]


def shard_files(folder):
    return sorted(folder.rglob("*.jsonl"))


def test_the_usual_tags_of_characters_are_part_of_the_request(tmp_path):
    shard = make_shard(tmp_path, [row(1, characters="miku"), row(2)])
    parts = ["tags", "characters", "traits", "info"]
    raw, _, _ = run(shard, tmp_path, grounding=parts, known=Known({"miku": ["twintails"]}, {2: "A park."}))
    assert "<character_traits>miku: [twintails]</character_traits>" in raw[1]["text"]
    assert "<info>A park.</info>" in raw[2]["text"] and "traits" not in raw[2]["text"]


def test_an_empty_shard(tmp_path):
    raw, skipped, _ = run(make_shard(tmp_path, []), tmp_path)
    assert (raw, skipped) == ({}, {})


def start(tmp_path, captioner):
    command = [sys.executable, HELPERS / "caption_job.py", tmp_path, "0", "1", json.dumps(captioner)]
    environment = os.environ | {"PYTHONPATH": f"{HELPERS}:{HELPERS.parent.parent / 'scripts'}"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


def test_kill_9_at_any_moment_loses_nothing_and_repeats_at_most_the_current_batch(tmp_path):
    make_shard(tmp_path, [row(id_) for id_ in range(120)])
    captioner = CAPTIONER | {"log": str(tmp_path / "log"), "pause": 0.04}
    rng = random.Random(1)
    kills = 0
    while kills < 6:
        job = start(tmp_path, captioner)
        try:
            job.wait(0.5 + rng.random() * 0.4)
            break
        except subprocess.TimeoutExpired:
            job.kill()
            job.wait()
            kills += 1
    last = start(tmp_path, captioner)
    assert last.wait(60) == 0
    assert kills > 1
    raw = [json.loads(line) for line in (tmp_path / "raw_0").read_text().splitlines()]
    assert [line["id"] for line in raw] == list(range(120))
    generated = (tmp_path / "log").read_text().split()
    assert len(generated) - len(set(generated)) <= kills * captioner["batch_size"]
    uninterrupted, _, _ = run(make_shard(tmp_path / "other", [row(id_) for id_ in range(120)]), tmp_path)
    assert [line["text"] for line in raw] == [line["text"] for line in uninterrupted.values()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_current_batch(tmp_path, number):
    make_shard(tmp_path, [row(id_) for id_ in range(200)])
    job = start(tmp_path, CAPTIONER | {"log": str(tmp_path / "log"), "pause": 0.05})
    while not (tmp_path / "log").exists():
        time.sleep(0.01)
    job.send_signal(number)
    assert job.wait(10) == 128 + number
    assert b"stopping after the captions in progress" in job.stderr.read()
    generated = (tmp_path / "log").read_text().split()
    journalled = [json.loads(line)["id"] for line in (tmp_path / "journal/shard_0_of_1.jsonl").read_text().splitlines()]
    assert sorted(map(int, generated)) == sorted(journalled)
    assert len(journalled) < 200
    assert not (tmp_path / "raw_0").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_does_not_wait_for_a_model_that_is_loading(tmp_path, number):
    make_shard(tmp_path, [row(id_) for id_ in range(3)])
    job = start(tmp_path, CAPTIONER | {"log": str(tmp_path / "log"), "load_seconds": 120})
    while not (tmp_path / "log").exists():
        time.sleep(0.01)
    job.send_signal(number)
    assert job.wait(20) == 128 + number
    assert not (tmp_path / "raw_0").exists()


def test_the_fallback_takes_posts_without_a_usable_image_and_is_marked(tmp_path):
    class Prose(EchoBackend):
        needs_image = False

        def identity(self):
            return {"backend": "prose"}

        def prepare(self, request):
            return Prepared(request.id, 1, request)

        def answer(self, prepared):
            return Generation(prepared.id, prepared.inputs.prompt.user, "stop", 1, 2, 0.5)

    rows = [row(0), row(1, image=None, artists="moth"), row(2, image=None, has_metadata=False), row(3)]
    rows.append(row(4, image=None, general=""))
    shard = make_shard(tmp_path, rows)
    (tmp_path / "images/3.png").write_bytes(b"broken")
    for _ in range(2):
        raw, skipped, stats = run(shard, tmp_path, [EchoBackend, Prose])
        assert {id_: line.get("fallback") for id_, line in raw.items()} == {0: None, 1: True, 3: True}
        assert raw[1]["text"] == "general: 1girl, tag_1\nartist: moth"
        assert skipped == {"2": {"reason": "no metadata"}, "4": {"reason": "no metadata"}}
        assert len(stats) == 2
    assert [record["generated"]["captions"] for record in stats] == [0, 0]
    (tmp_path / "images/3.png").unlink()
    shard = make_shard(tmp_path, [*rows, row(5), row(6, has_metadata=False)])
    for attempt in (1, 2, 3):  # a request that waits is the fallback's, and stays failed where that cannot write
        raw, skipped, _ = run(shard, tmp_path, [EchoBackend, Prose], failing=[5, 6], grounding=[])
        waits = attempt == 3
        assert (5 in raw, list(failed(tmp_path)), list(skipped)) == (waits, ["6"] if waits else ["5", "6"], ["2", "4"])


def test_a_backend_that_needs_a_gpu_holds_one_while_it_works(tmp_path, monkeypatch):
    visible_at_load = []

    class OnGpu(EchoBackend):
        needs_gpu = True

        def load(self):
            visible_at_load.append(os.environ["CUDA_VISIBLE_DEVICES"])

    monkeypatch.setenv("BOORUFLOW_GPUS", "2")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    shard = make_shard(tmp_path, [row(1)])
    with lease():
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        _, _, stats = run(shard, tmp_path, [OnGpu])
    assert (visible_at_load, stats[0]["gpu"]) == (["1"], "1")
    _, _, stats = run(shard, tmp_path, [OnGpu])
    assert "gpu" not in stats[0]  # nothing to generate, no GPU taken


def test_ctrl_c_ends_a_job_whose_server_never_ends_its_answers(tmp_path):
    def trickling(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "10000")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b" ")
            time.sleep(0.1)

    server = Server(answer=lambda body, number: trickling if number > 4 else OK)
    options = {"base_urls": [server.url], "api_key_file": None, "timeout": 3.0, "retries": 8, "extra_body": {}}
    shard = make_shard(tmp_path, [row(n) for n in range(9)])
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(SystemExit) as end:
        run(shard, tmp_path, [OpenAIBackend], openai=options)
    assert end.value.code == 130
    assert time.monotonic() - start < 10
    assert len((tmp_path / "journal/shard_0_of_1.jsonl").read_text().splitlines()) == 4
