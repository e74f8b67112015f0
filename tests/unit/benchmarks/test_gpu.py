"""The benchmark for GPUs on the CPU, with small models: every part but those that need memory of a GPU."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

import gpu
import psutil
import pytest
from gpu_parts.inputs import BATCHES, TOKENS
from gpu_parts.runner import print_rows, rows_of_process

WITHOUT_GPU = {"a batch that does not fit"}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    options = argparse.Namespace(device="cpu", shape="small", scratch=folder / "scratch", out=folder)
    options.scratch.mkdir()
    assert [set(row) for row in gpu.rows_of("checkpoint", options, 300)] == [{"case", "seconds", "million parameters", "GB"}]
    return options


@pytest.mark.parametrize("part", [name for name in gpu.PARTS if name != "checkpoint"])
def test_a_part_runs(options, part):
    rows = {row["case"]: row for row in gpu.rows_of(part, options, 300)}
    assert not {case: row["error"] for case, row in rows.items() if "error" in row}
    assert {case for case, row in rows.items() if "note" in row} <= WITHOUT_GPU
    assert all(row["captions/s"] > 0 for row in rows.values() if "captions/s" in row)
    for size in BATCHES["small"] if part in ("bfloat16", "float16") else ():
        assert rows[f"batch {size}"]["tokens a caption"] == TOKENS["small"]
    if part == "lease":
        assert rows["first job"]["GPU"] == "0" == list(rows.values())[1]["GPU"]
        assert list(rows.values())[1]["waited, s"] > 1


PROGRAM = """
import json, sys, time
print(json.dumps({"case": "first", "captions/s": 2.5}), flush=True)
print("a word of a library", flush=True)
%s
"""


@pytest.mark.parametrize(
    ("end", "error"),
    [
        ("", None),
        ("time.sleep(60)", "not done after 3 s"),
        ("import os; os.abort()", "exit status -6, see lease.log"),
    ],
)
def test_a_part_that_ends_badly_keeps_its_rows_and_is_a_row(tmp_path, end, error):
    start = time.monotonic()
    first, *others = rows_of_process([sys.executable, "-c", PROGRAM % end], {}, tmp_path / "lease.log", 3)
    assert time.monotonic() - start < 30
    assert first == {"case": "first", "captions/s": 2.5}
    assert [row["error"] for row in others] == ([error] if error else [])


def test_an_exception_is_the_last_row(capsys):
    def rows():
        yield {"case": "first", "ratio": 1 / 3}
        raise ValueError("no such kernel")

    print_rows("lease", rows())
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"case": "first", "ratio": 0.3333},
        {"case": "lease ended early", "error": "ValueError: no such kernel"},
    ]


def test_a_part_without_time_is_not_started(tmp_path):
    assert gpu.rows_of("tipo", argparse.Namespace(out=tmp_path), 0.5) == [{"case": "not started", "error": "no time left"}]


def test_a_stopped_benchmark_leaves_neither_a_part_nor_the_checkpoint(tmp_path):
    command = [sys.executable, gpu.__file__, "--out", tmp_path / "out", "--device", "cpu", "--shape", "small", "--parts", "lease"]
    benchmark = subprocess.Popen(command, env=os.environ | {"TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (parts := psutil.Process(benchmark.pid).children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    benchmark.terminate()
    assert benchmark.wait(30) == 143
    assert parts and not psutil.wait_procs(parts, 10)[1]
    assert not list(tmp_path.glob("booruflow-gpu-*"))


def test_a_stop_in_the_middle_of_a_start_leaves_no_part(tmp_path, monkeypatch):
    started = []

    class StoppedPopen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", StoppedPopen)
    handler = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with pytest.raises(SystemExit) as stop:
            rows_of_process([sys.executable, "-c", "import time; time.sleep(60)"], {}, tmp_path / "log", 60)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert stop.value.code == 143
    assert [process.returncode for process in started] == [-signal.SIGKILL]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_part_can_be_stopped_by_signals(tmp_path, number):
    code = f"import os, time; os.kill(os.getpid(), {int(number)}); time.sleep(20); print('{{}}')"
    rows = rows_of_process([sys.executable, "-c", code], {}, tmp_path / "part.log", 60)
    assert rows == [{"case": "ended early", "error": f"exit status {-number}, see part.log"}]


def test_both_forms_of_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "rows_of", lambda name, *_: [{"case": name, "captions/s": 2.0, "error": "a | b"}])
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(tmp_path), "--parts", "tipo,lease", "--device", "cpu"])
    gpu.main()
    assert list(json.loads((tmp_path / "gpu.json").read_text())) == ["machine", "tipo", "lease"]
    assert (
        "| case | captions/s | error |\n|---|---|---|\n| tipo | 2 | a / b |\n\n| case | seconds |\n"
        in (tmp_path / "gpu.md").read_text()
    )
