import io
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from projects import ROOT

from booruflow.cli import watch
from booruflow.core.errors import UserError
from booruflow.review.live_progress import Progress, ShardState

COMMAND = Path(sys.executable).with_name("booruflow")
SHARDS = [ShardState("json", 0, 10, 5, 0, "running", 2.0), ShardState("json", 1, 10, 10, 0, "done")]
RUNNING = Progress(SHARDS, 20, 15, 0, 2.0, 3725.0, running=True)
DONE = Progress(SHARDS[1:], 10, 10, over=True)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def states(monkeypatch, tmp_path):
    """The states that the watch sees, one after the other."""
    found = []
    monkeypatch.setattr(watch, "Watch", lambda folder: type("Watch", (), {"read": lambda self: found.pop(0)})())
    return found


def test_a_terminal_is_redrawn_in_place(states, tmp_path):
    states += [RUNNING, RUNNING, DONE]
    out, naps = Terminal(), []
    watch.watch_progress(tmp_path, out, naps.append)
    first, second, third = out.getvalue().split(watch.CLEAR_BELOW)[:3]
    assert first.count("\n") == second.count("\n") == 4
    assert second.startswith("\x1b[4A\r") and third.startswith("\x1b[4A\r")
    assert "15 of 20 captions (75.0%), 2.00 images/s, 1 h 2 min left" in first
    assert naps == [watch.REDRAW_SECONDS] * 2


def test_a_file_gets_a_line_now_and_then(states, tmp_path):
    states += [RUNNING, DONE]
    out, naps = io.StringIO(), []
    watch.watch_progress(tmp_path, out, naps.append)
    assert out.getvalue().splitlines() == [
        "15 of 20 captions (75.0%), 2.00 images/s, 1 h 2 min left",
        "10 of 10 captions (100.0%); nothing is running",
    ]
    assert naps == [watch.LINE_SECONDS]


def test_without_watching_all_shards_are_shown_once(states, tmp_path):
    states += [RUNNING]
    out = Terminal()
    watch.show_progress(tmp_path, out)
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["15", "shard", "0", "1"]


def test_what_is_no_data_set_is_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.yaml: no such file"):
        watch.watch_progress(tmp_path, io.StringIO())


def test_ctrl_c_ends_it_cleanly(tmp_path):
    (tmp_path / "config.yaml").write_bytes((ROOT / "config.yaml").read_bytes())
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "progress", "--watch"],
        cwd=tmp_path,
        stdout=end,
        stderr=subprocess.PIPE,
        # tests that a script starts in the background would hand on a SIGINT that is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(end)
    assert b"nothing captioned yet: start with" in os.read(terminal, 1000)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == (None, b"")
    assert process.returncode == 0
    os.close(terminal)
