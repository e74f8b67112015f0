"""The limit against a simulated engine that works on so many requests at a time, each of which takes so long."""

import heapq
import random
from types import SimpleNamespace

import pytest

from booruflow.captioning.backends.serving import concurrency
from booruflow.captioning.backends.serving.concurrency import MAXIMUM, REST_WINDOWS, ConcurrencyLimit


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(concurrency, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def simulate(clock, limit, slots, seconds, answers, images_a_second=float("inf"), seen=None):
    """Run so many requests; returns the limit and the rate after each quarter of them."""
    rng = random.Random(slots)
    working, waiting, in_flight, next_image, quarters, since = [], 0, 0, 0.0, [], clock.now
    for done in range(1, answers + 1):
        while in_flight < limit.value and (next_image <= clock.now or not in_flight):
            next_image = max(next_image, clock.now) + 1 / images_a_second
            in_flight, waiting = in_flight + 1, waiting + 1
            limit.in_flight(in_flight)
        while waiting and len(working) < slots:
            waiting -= 1
            heapq.heappush(working, clock.now + seconds * rng.uniform(0.5, 1.5))
        clock.now = max(clock.now, heapq.heappop(working))
        in_flight -= 1
        limit.answered()
        limit.in_flight(in_flight)
        if seen is not None:
            seen.append(limit.value)
        if done % (answers // 4) == 0:
            quarters.append((limit.value, answers // 4 / (clock.now - since)))
            since = clock.now
    return quarters


@pytest.mark.parametrize(("slots", "seconds"), [(1, 0.5), (8, 5.0), (32, 6.4), (128, 6.4), (200, 15.0)])
def test_the_limit_comes_to_what_the_engine_works_on_and_stays_there(clock, slots, seconds):
    values = simulate(clock, ConcurrencyLimit(), slots, seconds, 16_000)
    limit, rate = values[-1]
    assert slots <= limit <= max(4 * slots, 32)
    assert rate > 0.97 * slots / seconds


def test_it_stays_low_while_images_are_missing(clock):
    (*_, (limit, _)) = simulate(clock, ConcurrencyLimit(), 256, 2.0, 2000, images_a_second=3)
    assert limit <= 16


def test_a_trial_that_does_not_help_is_taken_back(clock):
    limit, seen = ConcurrencyLimit(), []
    simulate(clock, limit, 4, 1.0, 4 * REST_WINDOWS * 2 * 8, seen=seen)
    found = limit.value
    later = seen[len(seen) // 4 :]
    assert set(later) == {found, 2 * found}
    assert later.count(found) > 0.8 * len(later)


def test_after_a_death_it_starts_from_one_and_comes_to_half_soon(clock):
    limit = ConcurrencyLimit()
    simulate(clock, limit, 64, 5.0, 4000)
    before = limit.value
    limit.died()
    assert limit.value == 1
    for _ in range(before // 2 - 1):
        limit.answered()
    assert limit.value == before // 2


def test_a_refusal_halves_it_for_a_while(clock):
    limit = ConcurrencyLimit()
    simulate(clock, limit, 64, 5.0, 4000)
    before = limit.value
    limit.refused()
    simulate(clock, limit, 64, 5.0, 200)
    assert limit.value == before // 2
    for _ in range(20):
        limit.refused()
    assert limit.value == 1


def test_it_has_a_maximum(clock):
    limit = ConcurrencyLimit()
    simulate(clock, limit, 5000, 5.0, 20_000)
    assert limit.value == MAXIMUM
