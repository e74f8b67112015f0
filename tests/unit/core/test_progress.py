import re

from booruflow.core.progress import counted, progress


def test_frames_pass_unchanged_and_rows_are_counted(capsys):
    frames = [[1, 2], [], [3]]
    assert list(counted(frames, 3, "tags")) == frames
    assert re.search(r"tags: 100%\|#+\| 3\.00/3\.00 \[.*posts/s\]", capsys.readouterr().err)


def test_a_log_shows_the_rate_and_the_time_left(capsys):
    with progress(200, "checks") as bar:
        bar.mininterval = 0
        bar.update(50)
        assert re.search(r"checks:\s+25%\|.* 50\.0/200 \[\d\d:\d\d<\d\d:\d\d, .*posts/s\]", capsys.readouterr().err)


def test_without_a_total_the_count_and_the_rate_are_shown(capsys):
    with progress(None, "tars", unit="B") as bar:
        bar.update(2_500_000)
    assert re.search(r"tars: 2\.50M B \[.* B/s\]", capsys.readouterr().err)
