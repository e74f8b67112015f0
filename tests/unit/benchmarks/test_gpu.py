"""The benchmark for GPUs on the CPU, with small models: every part but those that need memory of a GPU."""

import argparse
import json
import sys
import time

import gpu
import pytest

WITHOUT_GPU = {"a batch that does not fit"}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    options = argparse.Namespace(device="cpu", shape="small", scratch=folder / "scratch", out=folder)
    options.scratch.mkdir()
    assert {"case", "seconds", "million parameters", "GB"} == set(*gpu.checkpoint(options))
    return options


@pytest.mark.parametrize("part", [name for name in gpu.PARTS if name != "checkpoint"])
def test_a_part_runs(options, part, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    rows = {row["case"]: row for row in gpu.PARTS[part][1](options)}
    assert not {case: row["error"] for case, row in rows.items() if "error" in row}
    assert {case for case, row in rows.items() if "note" in row} <= WITHOUT_GPU
    assert all(row["captions/s"] > 0 for row in rows.values() if "captions/s" in row)
    for size in gpu.BATCHES["small"] if part in ("bfloat16", "float16") else ():
        assert rows[f"batch {size}"]["tokens a caption"] == gpu.TOKENS["small"]
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
def test_a_part_that_ends_badly_keeps_its_rows_and_is_a_row(options, tmp_path, monkeypatch, end, error):
    program = tmp_path / "part.py"
    program.write_text(PROGRAM % end)
    monkeypatch.setattr(gpu, "__file__", str(program))
    start = time.monotonic()
    first, *others = gpu.rows_of_part("lease", options, 3)
    assert time.monotonic() - start < 30
    assert first == {"case": "first", "captions/s": 2.5}
    assert [row["error"] for row in others] == ([error] if error else [])


def test_an_exception_is_the_last_row(capsys, monkeypatch):
    def rows():
        yield {"case": "first", "ratio": 1 / 3}
        raise ValueError("no such kernel")

    monkeypatch.setitem(gpu.PARTS, "lease", (1, lambda _: rows()))
    gpu.run_part("lease", argparse.Namespace(device="cuda"))
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"case": "first", "ratio": 0.3333},
        {"case": "lease ended early", "error": "ValueError: no such kernel"},
    ]


def test_both_forms_of_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "rows_of_part", lambda name, *_: [{"case": name, "captions/s": 2.0, "error": "a | b"}])
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(tmp_path), "--parts", "tipo,lease", "--device", "cpu"])
    gpu.main()
    assert list(json.loads((tmp_path / "gpu.json").read_text())) == ["machine", "tipo", "lease"]
    assert (
        "| case | captions/s | error |\n|---|---|---|\n| tipo | 2 | a / b |\n\n| case | seconds |\n"
        in (tmp_path / "gpu.md").read_text()
    )
