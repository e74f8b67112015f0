import threading
from dataclasses import dataclass

import pytest
from echo import EchoBackend
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from booruflow.captioning.backends import Prepared, Request
from booruflow.captioning.engine import Engine, Stop, batches_of, blocks_of
from booruflow.captioning.prompts import Prompt
from booruflow.core.errors import Unreadable, UserError


class Batches(EchoBackend):
    """Remembers the batches it was given, as lists of ids."""

    def __init__(self, batch_size=3, **captioner):
        super().__init__({"model": "m", "batch_size": batch_size} | captioner)
        self.batches = []

    def generate(self, batches):
        def noted():
            for batch in batches:
                self.batches.append([prepared.id for prepared in batch])
                yield batch

        return super().generate(noted())


@dataclass(frozen=True)
class Job:
    id: int
    width: int = 10

    def request(self):
        if not self.width:
            raise Unreadable("nothing in it")
        return Request(self.id, Prompt("", "say"), Image.new("RGB", (self.width, 1)))


def run(backend, blocks, stop=None, **options):
    kept = []
    engine = Engine(backend, lambda done: kept.extend(result.id for _, result in done), stop or Stop(), **options)
    engine.run(blocks, sum(map(len, blocks)))
    return engine, kept


def test_batches_hold_requests_of_like_size_within_a_block():
    backend = Batches(2)
    _, kept = run(backend, [[Job(1, 5), Job(2, 50), Job(3, 6), Job(4, 51)], [Job(5, 7), Job(6, 70), Job(7, 8)]])
    assert backend.batches == [[4, 2], [3, 1], [6], [7, 5]]
    assert sorted(kept) == list(range(1, 8))


def test_what_is_left_of_a_block_runs_in_the_batches_it_would_have_run_in():
    sizes = [5, 50, 6, 51, 7, 52, 8, 53]
    jobs = [Job(n, size) for n, size in enumerate(sizes)]
    whole = Batches(2)
    run(whole, [jobs])
    done = {id_ for batch in whole.batches[:2] for id_ in batch}
    rest = Batches(2)
    run(rest, [[job for job in jobs if job.id not in done]])
    assert rest.batches == whole.batches[2:]


def test_the_backend_is_loaded_once_and_only_when_an_image_can_be_opened():
    backend = Batches()
    engine, _ = run(backend, [[Job(1, 0), Job(2, 0)]])
    assert (backend.loaded, backend.batches) == (0, [])
    assert engine.skipped[1] == {"reason": "unreadable image", "detail": "nothing in it"}
    run(backend, [[Job(1, 0), Job(2), Job(3)]], threads=3)
    assert backend.loaded == 1


def test_an_error_in_loading_ends_the_run():
    class Broken(Batches):
        def load(self):
            raise UserError("no model")

    with pytest.raises(UserError, match="no model"):
        run(Broken(), [[Job(n) for n in range(9)]])


def test_no_more_than_two_blocks_are_open_ahead():
    opened, given_out = [], []

    class Noted(Job):
        def request(self):
            opened.append(self.id)
            return super().request()

    class Watching(Batches):
        def answer(self, prepared):
            given_out.append(prepared.id)
            assert len(opened) - len(given_out) <= 2 * 12
            return super().answer(prepared)

    run(Watching(4), [[Noted(n) for n in range(start, start + 12)] for start in range(0, 240, 12)])
    assert len(given_out) == 240


def test_the_next_block_is_opened_while_this_one_is_generated():
    both = threading.Barrier(2, timeout=10)

    class Meeting(Job):
        def request(self):
            if self.id == 2:
                both.wait()
            return super().request()

    class Slow(Batches):
        def answer(self, prepared):
            if prepared.id == 1:
                both.wait()
            return super().answer(prepared)

    run(Slow(1), [[Meeting(1)], [Meeting(2)]], threads=1)


def test_a_stop_ends_the_run_with_the_signals_code_and_keeps_what_was_done():
    stop, kept = Stop(), []

    def keep(done):
        kept.extend(result.id for _, result in done)
        stop.number = 15

    with pytest.raises(SystemExit) as ended:
        Engine(Batches(2), keep, stop).run([[Job(n) for n in range(8)]], 8)
    assert ended.value.code == 143
    assert len(kept) == 2


def test_the_gate_is_passed_before_each_batch():
    passed = []
    run(Batches(2), [[Job(n) for n in range(6)]], gate=lambda: passed.append(1))
    assert len(passed) == 3


def test_the_meter_counts_what_was_told():
    engine, _ = run(Batches(2), [[Job(n) for n in range(5)]])
    meter = engine.meter
    assert (meter.captions, meter.prompt_tokens) == (5, 15)
    assert meter.completion_tokens == sum(len(f"{n}: (10, 1) say") for n in range(5))
    assert 0 <= meter.waiting <= meter.generating
    assert "waiting for images" in meter.line()


@given(st.lists(st.lists(st.integers(), max_size=6), max_size=30), st.integers(1, 8))
def test_joined_blocks_keep_all_jobs_in_order_and_fill_a_batch(blocks, least):
    joined = list(blocks_of(iter(blocks), least))
    assert [job for block in joined for job in block] == [job for block in blocks for job in block]
    assert all(len(block) >= least for block in joined[:-1])
    assert [block for block in blocks if block] == joined or any(len(block) < least for block in blocks)


@given(st.lists(st.integers(1, 3000), max_size=60), st.integers(1, 8), st.data())
def test_batches_are_full_or_even_and_go_on_the_same_after_a_stop(sizes, most, data):
    ready = [Prepared(number, size, None) for number, size in enumerate(sizes)]
    batches = list(batches_of(ready, most))
    assert sorted(one.id for batch in batches for one in batch) == list(range(len(sizes)))
    for batch, after in zip(batches, [*batches, None][1:], strict=True):
        assert len(batch) <= most
        assert batch[-1].size * 2 >= batch[0].size
        assert after is None or len(batch) == most or after[0].size * 2 < batch[0].size
    done = data.draw(st.integers(0, len(batches)))
    left = {one.id for batch in batches[done:] for one in batch}
    assert list(batches_of([one for one in ready if one.id in left], most)) == batches[done:]
