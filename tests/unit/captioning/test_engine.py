import threading
import time
from dataclasses import dataclass

import pytest
from echo import EchoBackend
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from booruflow.captioning.backends.interface import Failed, Prepared, Request
from booruflow.captioning.engine import DOUBT_AFTER_FAILURES, Engine, Meter, Stop, make_batches, merge_short_blocks
from booruflow.captioning.prompts.prompt import Prompt
from booruflow.captioning.skipped import Skip
from booruflow.core.errors import Unreadable, UserError
from booruflow.core.progress import Pace


class RecordingBackend(EchoBackend):
    """Records its batches as lists of ids."""

    def __init__(self, batch_size=3, **captioner):
        super().__init__({"model": "m", "batch_size": batch_size} | captioner)
        self.batches = []

    def generate(self, batches):
        def recorded():
            for batch in batches:
                self.batches.append([prepared.id for prepared in batch])
                yield batch

        return super().generate(recorded())


@dataclass(frozen=True)
class FakeTask:
    id: int
    width: int = 10

    def request(self):
        if not self.width:
            raise Unreadable("empty file")
        return Request(self.id, Prompt("", "say"), Image.new("RGB", (self.width, 1)))


PROBE = FakeTask(-1)


def run(backend, blocks, threads=2, before_batch=lambda: None):
    """Run an engine; returns it and the ids in the order in which they were saved."""
    saved = []
    engine = Engine(
        backend, lambda results: saved.extend(task.id for task, _ in results), Stop(), threads, before_batch, PROBE, Pace()
    )
    engine.run(blocks, sum(map(len, blocks)))
    return engine, saved


def test_batches_hold_requests_of_similar_size_within_a_block():
    backend = RecordingBackend(2)
    _, saved = run(
        backend,
        [[FakeTask(1, 5), FakeTask(2, 50), FakeTask(3, 6), FakeTask(4, 51)], [FakeTask(5, 7), FakeTask(6, 70), FakeTask(7, 8)]],
    )
    assert backend.batches == [[4, 2], [3, 1], [6], [7, 5]]
    assert sorted(saved) == list(range(1, 8))


def test_the_rest_of_a_block_runs_in_the_batches_of_an_uninterrupted_run():
    sizes = [5, 50, 6, 51, 7, 52, 8, 53]
    tasks = [FakeTask(n, size) for n, size in enumerate(sizes)]
    whole = RecordingBackend(2)
    run(whole, [tasks])
    done = {id_ for batch in whole.batches[:2] for id_ in batch}
    rest = RecordingBackend(2)
    run(rest, [[task for task in tasks if task.id not in done]])
    assert rest.batches == whole.batches[2:]


def test_the_backend_is_loaded_once_and_only_when_an_image_can_be_opened():
    backend = RecordingBackend()
    engine, _ = run(backend, [[FakeTask(1, 0), FakeTask(2, 0)]])
    assert (backend.loaded, backend.batches) == (0, [])
    assert engine.skips[1] == Skip("unreadable image", "empty file")
    run(backend, [[FakeTask(1, 0), FakeTask(2), FakeTask(3)]], threads=3)
    assert backend.loaded == 1


def test_a_load_error_ends_the_run():
    class Broken(RecordingBackend):
        def load(self):
            raise UserError("no model")

    with pytest.raises(UserError, match="no model"):
        run(Broken(), [[FakeTask(n) for n in range(9)]])


def test_at_most_two_blocks_are_opened_ahead():
    opened, generated = [], []

    class RecordingTask(FakeTask):
        def request(self):
            opened.append(self.id)
            return super().request()

    class Watching(RecordingBackend):
        def answer(self, prepared):
            generated.append(prepared.id)
            assert len(opened) - len(generated) <= 2 * 12
            return super().answer(prepared)

    run(Watching(4), [[RecordingTask(n) for n in range(start, start + 12)] for start in range(0, 240, 12)])
    assert len(generated) == 240


def test_the_next_block_is_opened_while_this_one_is_generated():
    both = threading.Barrier(2, timeout=10)

    class MeetingTask(FakeTask):
        def request(self):
            if self.id == 2:
                both.wait()
            return super().request()

    class Slow(RecordingBackend):
        def answer(self, prepared):
            if prepared.id == 1:
                both.wait()
            return super().answer(prepared)

    run(Slow(1), [[MeetingTask(1)], [MeetingTask(2)]], threads=1)


def test_a_stop_ends_the_run_with_the_signals_code_and_saves_what_was_generated():
    stop, saved = Stop(), []

    def save(results):
        saved.extend(task.id for task, _ in results)
        stop.signal = 15

    with pytest.raises(SystemExit) as ended:
        Engine(RecordingBackend(2), save, stop, 2, lambda: None, PROBE, Pace()).run([[FakeTask(n) for n in range(8)]], 8)
    assert ended.value.code == 143
    assert len(saved) == 2


class Server(RecordingBackend):
    """Answers by a function of the id and of the number of requests so far."""

    def __init__(self, works, batch_size=3):
        super().__init__(batch_size)
        self.works, self.requests = works, []

    def answer(self, prepared):
        self.requests.append(prepared.id)
        return super().answer(prepared) if self.works(prepared.id, len(self.requests)) else Failed(prepared.id, "status 500")


def tasks(count):
    return [[FakeTask(n) for n in range(start, min(start + 12, count))] for start in range(0, count, 12)]


@pytest.mark.parametrize("count", [1, 5, 40, 300])
@pytest.mark.parametrize("successes", [0, 1, 4, 39])
def test_a_backend_that_fails_from_some_request_on_ends_the_run_and_keeps_what_it_finished(count, successes):
    server, saved = Server(lambda _, requests: requests <= successes), []
    engine = Engine(server, lambda results: saved.extend(task.id for task, _ in results), Stop(), 2, lambda: None, PROBE, Pace())
    if count <= successes:
        engine.run(tasks(count), count)
        assert engine.failed == {}
        return
    with pytest.raises(UserError, match=r"failed \(status 500\), and so did a test with a plain image"):
        engine.run(tasks(count), count)
    assert len(saved) == successes
    assert len(server.requests) <= successes + DOUBT_AFTER_FAILURES + 12


def test_the_most_frequent_reason_is_named():
    class Mixed(Server):
        def answer(self, prepared):
            self.requests.append(prepared.id)
            return Failed(prepared.id, "alone" if prepared.id >= DOUBT_AFTER_FAILURES - 2 else "status 500")

    engine = Engine(Mixed(lambda *_: False), lambda _: None, Stop(), 2, lambda: None, PROBE, Pace())
    with pytest.raises(UserError, match=r"failed \(status 500\), and so did a test with a plain image"):
        engine.run(tasks(DOUBT_AFTER_FAILURES), DOUBT_AFTER_FAILURES)


@pytest.mark.parametrize("count", [1, 7, 8, 32, 100])
def test_requests_that_fail_on_their_own_end_no_run_however_many_follow_each_other(count):
    server = Server(lambda id_, _: id_ < 0)
    engine, saved = run(server, tasks(count))
    assert (set(engine.failed), saved) == (set(range(count)), [])
    assert {reason for _, reason in engine.failed.values()} == {"status 500"}
    assert all(server.requests.count(n) == 2 for n in range(count))


def test_a_failing_request_among_others_needs_no_probe():
    server = Server(lambda id_, _: id_ != 2)
    engine, saved = run(server, tasks(40))
    assert (list(engine.failed), sorted(saved)) == ([2], [n for n in range(40) if n != 2])
    assert server.requests.count(-1) == 1  # after its second attempt, when nothing else is left to ask


def test_before_batch_is_called_before_each_batch():
    calls = []
    run(RecordingBackend(2), [[FakeTask(n) for n in range(6)]], before_batch=lambda: calls.append(1))
    assert len(calls) == 3


def test_the_meter_counts_captions_and_tokens():
    engine, _ = run(RecordingBackend(2), [[FakeTask(n) for n in range(5)]])
    meter = engine.meter
    assert (meter.captions, meter.prompt_tokens) == (5, 15)
    assert meter.completion_tokens == sum(len(f"{n}: (10, 1) say") for n in range(5))
    assert 0 <= meter.waiting_seconds <= meter.generating_seconds
    assert "waiting for images" in meter.line()


def test_the_share_of_waiting_is_at_most_all_of_the_time():
    """A job whose images are all unreadable has waited and never had an answer; one whose last images are has waited after it."""
    assert Meter(waiting_seconds=0.065273432).line() == "0 tokens/s, 100% waiting for images"
    assert Meter().line() == "0 tokens/s, 0% waiting for images"
    unreadable = [[FakeTask(n, width=0) for n in range(5)]]
    engine, _ = run(RecordingBackend(2), unreadable)
    assert engine.meter.line() == "0 tokens/s, 0% waiting for images"
    engine, _ = run(RecordingBackend(1), [[FakeTask(9)], *unreadable])
    assert engine.meter.captions == 1 and engine.meter.waiting_seconds <= engine.meter.generating_seconds
    assert Meter(waiting_seconds=1, generating_seconds=4, completion_tokens=8).line() == "2 tokens/s, 25% waiting for images"


def test_the_time_of_generating_begins_with_the_first_request_that_is_ready():
    class SlowStart(RecordingBackend):
        def load(self):
            time.sleep(0.3)

        def prepare(self, request):
            time.sleep(0.3 if request.image.width == 10 else 0.05)
            return super().prepare(request)

        def generate(self, batches):
            for answers in super().generate(batches):
                time.sleep(0.1)
                yield answers

    start = time.monotonic()
    engine, _ = run(SlowStart(1), [[FakeTask(0)], [FakeTask(1, width=11)], [FakeTask(2, width=11)]], threads=1)
    assert 0.3 <= engine.meter.generating_seconds <= time.monotonic() - start - 0.6


@given(st.lists(st.lists(st.integers(), max_size=6), max_size=30), st.integers(1, 8))
def test_merged_blocks_keep_all_tasks_in_order_and_fill_a_batch(blocks, min_size):
    merged = list(merge_short_blocks(iter(blocks), min_size))
    assert [task for block in merged for task in block] == [task for block in blocks for task in block]
    assert all(len(block) >= min_size for block in merged[:-1])
    assert [block for block in blocks if block] == merged or any(len(block) < min_size for block in blocks)


@given(st.lists(st.integers(1, 3000), max_size=60), st.integers(1, 8), st.data())
def test_batches_are_full_or_even_and_continue_the_same_after_a_stop(sizes, max_size, data):
    requests = [Prepared(number, size, None) for number, size in enumerate(sizes)]
    batches = list(make_batches(requests, max_size))
    assert sorted(one.id for batch in batches for one in batch) == list(range(len(sizes)))
    for batch, after in zip(batches, [*batches, None][1:], strict=True):
        assert len(batch) <= max_size
        assert batch[-1].size * 2 >= batch[0].size
        assert after is None or len(batch) == max_size or after[0].size * 2 < batch[0].size
    done = data.draw(st.integers(0, len(batches)))
    rest = {one.id for batch in batches[done:] for one in batch}
    assert list(make_batches([one for one in requests if one.id in rest], max_size)) == batches[done:]
