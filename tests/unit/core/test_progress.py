import random
import re
import time
from types import SimpleNamespace

import pytest

from booruflow.core import progress as progress_module
from booruflow.core.progress import Pace, counted, progress


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(progress_module, "SHOWN_AFTER", 0.0)


def test_what_ends_soon_shows_no_bar(capsys):
    assert list(counted([[1]], 1, "tags")) == [[1]]
    assert capsys.readouterr().err == ""


def test_what_takes_long_shows_a_bar_while_it_runs(capsys, monkeypatch):
    monkeypatch.setattr(progress_module, "SHOWN_AFTER", 0.05)
    with progress(2, "tags") as bar:
        bar.mininterval = 0
        bar.update(1)
        assert capsys.readouterr().err == ""
        time.sleep(0.06)
        bar.update(1)
        assert "tags: 100%" in capsys.readouterr().err


@pytest.mark.usefixtures("at_once")
def test_frames_pass_unchanged_and_rows_are_counted(capsys):
    frames = [[1, 2], [], [3]]
    assert list(counted(frames, 3, "tags")) == frames
    assert re.search(r"tags: 100%\|#+\| 3\.00/3\.00 \[.*posts/s\]", capsys.readouterr().err)


@pytest.mark.usefixtures("at_once")
def test_a_log_shows_the_rate_and_the_time_left(capsys):
    with progress(200, "checks") as bar:
        bar.mininterval = 0
        bar.update(50)
        assert re.search(r"checks:\s+25%\|.* 50\.0/200 \[\d\d:\d\d<\d\d:\d\d, .*posts/s\]", capsys.readouterr().err)


@pytest.mark.usefixtures("at_once")
def test_without_a_total_the_count_and_the_rate_are_shown(capsys):
    with progress(None, "tars", unit="B") as bar:
        bar.update(2_500_000)
    assert re.search(r"tars: 2\.50M B \[.* B/s\]", capsys.readouterr().err)


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_it_is_unknown_until_two_parts_are_done(clock):
    pace = Pace(10, 3000)
    assert pace.seconds_for(5) is None
    pace.add(1, 300)
    assert pace.seconds_for(5) is None
    pace.add(1, 300)
    assert pace.seconds_for(5) == 0, "both at once"
    assert Pace().seconds_for(5) is None


def test_after_a_minute_it_is_right_also_when_short_answers_come_first(clock):
    """200 answers are always in the making, each at 10 tokens a second; lengths vary from 50 to 650 tokens."""
    rng = random.Random(1)
    lengths = [rng.randint(50, 650) for _ in range(20_000)]
    ends = sorted((length / 10, length) for length in lengths[:200])
    todo, pace, started, checked = iter(lengths[200:]), Pace(500, 500 * 350), clock.now, False
    for done in range(1, len(lengths)):
        end, length = ends.pop(0)
        clock.now = started + end
        pace.add(1, length)
        if (more := next(todo, None)) is not None:
            ends.append((end + more / 10, more))
            ends.sort()
        if not checked and end >= 75:
            left, checked = pace.seconds_for(len(lengths) - done), True
            true_left = (len(lengths) - done) * 350 / (200 * 10)
            assert left == pytest.approx(true_left, rel=0.1)
    assert checked


def test_it_follows_a_change_of_speed_within_a_minute(clock):
    pace = Pace()
    for seconds in [1.0] * 600 + [0.1] * 700:
        clock.now += seconds
        pace.add(1, 200)
    assert pace.seconds_for(1000) == pytest.approx(100, rel=0.02)


def test_work_that_is_not_counted_gives_no_time(clock):
    pace = Pace()
    for _ in range(5):
        clock.now += 1
        pace.add(1, 0)
    assert pace.seconds_for(9) is None
