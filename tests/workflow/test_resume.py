"""After Snakemake itself was killed, one command stops its jobs and continues the run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from projects import ROOT, Project

COMMAND = Path(sys.executable).with_name("booruflow")


def test_one_command_continues_a_killed_run(make_project, sample: Project) -> None:
    project = make_project(tars__count=10, captioner__batch_size=2)
    process = project.start(cores=1)
    project.wait_for(process, lambda: bool(project.journal_lines()))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    command = [COMMAND, "resume", "--cores", "2"]
    done = subprocess.run(command, cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "1 job of the killed run stopped" in done.stdout
    made = [entry["key"] for entry in project.journal()]
    assert len(made) == len(set(made)) == len(sample.journal()), "no caption is generated twice"
    assert project.left_behind() == []
    assert project.read("captions/good_1.json") == sample.read("captions/good_1.json")


def test_an_active_run_is_not_stopped(make_project) -> None:
    project = make_project()
    with project.running(cores=1) as process:
        project.wait_for(process, lambda: project.path("logs/posts.log").exists())
        command = [COMMAND, "resume", "--cores", "1"]
        done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, timeout=60)
        assert "snakemake is still running" in done.stderr
        assert done.returncode == 1 and process.poll() is None


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (None, "config.yaml: no such file: run this in the folder of a data set"),
        ("tars: [", "config.yaml: line 1, column 8: not YAML"),
    ],
)
def test_what_keeps_it_from_continuing_is_one_line(tmp_path: Path, config: str | None, line: str) -> None:
    (tmp_path / "workflow").symlink_to(ROOT)
    if config:
        (tmp_path / "config.yaml").write_text(config)
    done = subprocess.run([COMMAND, "resume", "--cores", "1"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and line in done.stderr.splitlines()[-1], done.stderr
