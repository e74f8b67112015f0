import json
import time

import pytest
from chat_server import OK, Server
from echo import EchoBackend
from small_shards import CAPTIONER, make_shard, row

from booruflow.captioning.backends.openai import OpenAIBackend
from booruflow.captioning.caption import Outputs, caption_shard
from booruflow.captioning.shards import Shard
from booruflow.trial.bill import bill_of
from booruflow.trial.timing import TimedBackend, Timing, read_timings, speed_key


def trial_of(shard, name="echo"):
    return Shard(shard.split, shard.journal, shard.attempts, 0, 1, f"trial_{name}")


def run(shard, tmp_path, backend=EchoBackend, timed=True, **changes):
    """A job of a trial or of the whole run; returns the ids in raw, and the timings."""
    captioner = CAPTIONER | changes
    outputs = Outputs(*(tmp_path / name for name in ("raw.jsonl", "skipped.json", "failed.json", "stats.json")))
    key, path = speed_key(captioner), tmp_path / "times.jsonl"
    first = backend(captioner)
    caption_shard(shard, captioner, [TimedBackend(first, path, key) if timed else first], outputs, threads=2)
    return [json.loads(line)["id"] for line in outputs.raw.read_text().splitlines()], read_timings(path, key)


def test_a_trial_and_the_whole_run_find_each_others_captions(tmp_path):
    log = tmp_path / "log"
    part, whole = (
        make_shard(tmp_path, [row(id_) for id_ in (2, 5, 7)]),
        make_shard(tmp_path, [row(id_) for id_ in range(9)], 0, 3),
    )
    ids, timings = run(trial_of(part), tmp_path, log=str(log), pause=0.05)
    assert ids == [2, 5, 7] and sum(timing.captions for timing in timings) == 3
    assert run(whole, tmp_path, timed=False, log=str(log))[0] == list(range(9))
    assert sorted(log.read_text().split()) == [str(id_) for id_ in range(9)], "none twice"
    _, again = run(trial_of(part), tmp_path, log=str(log), pause=0.05)
    assert again == timings, "its times stay"
    assert run(trial_of(part, "other"), tmp_path, log=str(log))[1] == [], "nothing was generated, so nothing timed"
    assert len(log.read_text().split()) == 9


def test_batches_are_timed_by_the_clock_and_loading_apart(tmp_path):
    class Slow(EchoBackend):
        def load(self):
            time.sleep(0.3)
            super().load()

    shard = trial_of(make_shard(tmp_path, [row(id_) for id_ in range(12)]))
    start = time.monotonic()
    _, timings = run(shard, tmp_path, Slow, pause=0.05)
    wall = time.monotonic() - start
    assert [timing.captions for timing in timings] == [4, 4, 4]
    assert [timing.loading_seconds > 0.25 for timing in timings] == [True, False, False]
    assert 0.15 <= sum(timing.seconds for timing in timings) <= wall - 0.3
    (stats,) = json.loads((tmp_path / "stats.json").read_text())
    assert 0.15 <= stats["generated"]["generating_seconds"] <= wall - 0.3, "the log and the report count the same"
    assert all(timing.waiting_seconds < timing.seconds for timing in timings)
    assert timings[0].prompt_tokens > 0 and timings[0].request_seconds == 0.5


def test_time_spent_on_images_counts_as_waiting(tmp_path):
    class SlowImages(EchoBackend):
        def prepare(self, request):
            time.sleep(0.1)
            return super().prepare(request)

    shard = trial_of(make_shard(tmp_path, [row(id_) for id_ in range(40)]))
    _, timings = run(shard, tmp_path, SlowImages, batch_size=2)
    bill = bill_of(timings)
    assert bill.waiting > 0.5 and bill.captions == 40


def test_concurrent_requests_are_timed_by_the_clock(tmp_path):
    """Sixty answers of 0.1 s, six at a time: about a second, not six."""

    def answer(body, number):
        time.sleep(0.1)
        return OK

    server = Server(answer=answer)
    shard = trial_of(make_shard(tmp_path, [row(id_) for id_ in range(60)]))
    options = {"base_urls": [server.url], "api_key_file": None, "timeout": 10, "retries": 0, "extra_body": {}}
    ids, timings = run(shard, tmp_path, OpenAIBackend, batch_size=6, openai=options)
    bill = bill_of(timings)
    requests = sum(timing.request_seconds for timing in timings)
    assert len(ids) == bill.captions == 60 and requests > 6
    assert bill.seconds_per_image * 60 < requests / 2 and 2 < bill.in_flight < 6.5


def test_an_interrupted_trial_goes_on_and_keeps_its_times(tmp_path):
    class Killed(EchoBackend):
        def generate(self, batches):
            for number, answers in enumerate(super().generate(batches)):
                if number == 2:
                    raise KeyboardInterrupt
                yield answers

    shard = trial_of(make_shard(tmp_path, [row(id_) for id_ in range(20)]))
    with pytest.raises(KeyboardInterrupt):
        run(shard, tmp_path, Killed)
    with (tmp_path / "times.jsonl").open("ab") as file:
        file.write(b'\n{"key": "cut o')
    ids, timings = run(shard, tmp_path)
    assert ids == list(range(20))
    assert sum(timing.captions for timing in timings) == 20


def test_other_settings_have_other_times(tmp_path):
    shard = trial_of(make_shard(tmp_path, [row(id_) for id_ in range(8)]))
    run(shard, tmp_path)
    assert run(shard, tmp_path, batch_size=2)[1] == [], "the captions are in the journal, and its times are of another batch size"


def test_what_is_no_timing_is_ignored(tmp_path):
    path = tmp_path / "times.jsonl"
    timing = {"captions": 1, "prompt_tokens": 2, "completion_tokens": 3, "seconds": 0.5, "waiting_seconds": 0.1}
    timing |= {"request_seconds": 0.5, "loading_seconds": 0.0}
    path.write_text("\n".join(["7", "{}", "nonsense", json.dumps({"key": "a"}), json.dumps({"key": "a", **timing})]))
    assert read_timings(path, "a") == [Timing(**timing)]
    assert read_timings(tmp_path / "none", "a") == []
