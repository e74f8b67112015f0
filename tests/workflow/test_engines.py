"""Engines that caption jobs of real runs start: one on each GPU, and none left however a run ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from engines import answered, captioner, none_left, starts

COMMAND = Path(sys.executable).with_name("booruflow")
GPUS = {"BOORUFLOW_GPUS": "2"}


@pytest.fixture
def project(make_project, tmp_path):
    section = captioner(tmp_path, "--rate", "20", "--slots", "4")
    keys = {f"captioner__{key}": section[key] for key in ("backend", "model", "server")}
    return make_project(captions__shards=2, captioner__device="cuda", **keys)


def test_two_gpus_have_an_engine_each_and_a_killed_run_leaves_none(project, tmp_path, monkeypatch):
    monkeypatch.setenv("BOORUFLOW_LOCKS", str(tmp_path))
    raw = [f"results/captions/raw_{n}.jsonl" for n in range(2)]
    process = project.start("--resources", "gpu=2", "--", *raw, **GPUS)
    project.wait_for(process, lambda: len(starts(tmp_path)) == 2 and len(answered(tmp_path)) >= 4)
    (_, first_port, first_gpu), (_, second_port, second_gpu) = starts(tmp_path)
    assert {first_gpu, second_gpu} == {"0", "1"}
    assert first_port != second_port
    os.kill(process.pid, signal.SIGKILL)  # its jobs go on, and end their engines
    process.wait()
    assert none_left(tmp_path, 60)

    made = len(project.journal_lines())
    command = [COMMAND, "resume", *raw, "--cores", "2", "--resources", "gpu=2"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, timeout=300, env=os.environ | GPUS)
    assert done.returncode == 0, done.stderr
    ids = [entry["id"] for entry in project.journal()]
    assert len(ids) == len(set(ids)) >= made
    assert len(answered(tmp_path)) == len(ids)
    assert none_left(tmp_path)


def test_ctrl_c_ends_the_answers_then_the_engine(project, tmp_path, monkeypatch):
    monkeypatch.setenv("BOORUFLOW_LOCKS", str(tmp_path))
    process = project.start("--resources", "gpu=1", "--", "results/captions/raw_0.jsonl", cores=1, **GPUS)
    project.wait_for(process, lambda: len(answered(tmp_path)) >= 4)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert none_left(tmp_path)
    assert len(project.journal_lines()) == len(answered(tmp_path)), "each answer is kept"
    assert "Traceback" not in project.console()
