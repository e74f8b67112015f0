"""Runs that are killed, stopped, or out of disk space, and what the next run makes of it."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from projects import Project

SMALL_BATCHES = {"tars__count": 10, "meta_lat__folder": "/data/images", "captioner__batch_size": 2}


def job_of(project: Project, script: str) -> int | None:
    """The process id of the job that runs a script of the project, once there is one."""
    start = str(project.folder / ".snakemake/scripts").encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program, *arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        if b"python" in program and any(each.startswith(start) and each.endswith(f".{script}.py".encode()) for each in arguments):
            return int(process.name)
    return None


def test_killed_at_any_moment_it_ends_in_the_same_bytes(make_project, sample):
    project = make_project(**SMALL_BATCHES)
    moments = [
        lambda: job_of(project, "posts") is not None,
        lambda: len(project.journal_lines()) >= 3,
        lambda: job_of(project, "meta_cap") is not None,
        lambda: project.path("tars/captions/.part").exists(),
        lambda: job_of(project, "manifest") is not None,
    ]
    for moment in moments:
        with project.running() as process:
            project.wait_for(process, moment)
        project.run("--unlock")
    assert not project.path("manifest.json").exists()
    project.run()
    assert project.products() == sample.products()
    assert project.left_behind() == []
    made = [entry["id"] for entry in project.journal()]
    assert len(made) == len(set(made)) == 32


def test_ctrl_c_while_captioning_stops_and_the_next_run_completes(built, sample):
    built.path("journal/3_of_4.jsonl").unlink()
    built.path("captions/raw_3.jsonl").unlink()
    kept = len(built.journal_lines())
    built.configure(captioner__batch_size=1)
    with built.running() as process:
        built.wait_for(process, lambda: built.path("journal/3_of_4.jsonl").exists() and len(built.journal_lines()) > kept)
        before = len(built.journal_lines())
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) != 0, "no longer than a caption takes"
    said = built.console()
    assert "[caption 3] SIGINT: stopping after the captions in progress; send it again to stop at once\n" in said
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said
    assert "Traceback" not in built.path("logs/caption_3.log").read_text()
    assert before <= len(built.journal_lines()) <= before + 3 < len(sample.journal())
    assert built.left_behind() == []
    built.run()
    assert built.products() == sample.products()
    made = [entry["id"] for entry in built.journal()]
    assert len(made) == len(set(made)) == 32


def test_a_killed_job_is_told_and_made_again(built, sample):
    shutil.rmtree(built.path("tars/captions"))
    with built.running("tars") as process:
        built.wait_for(process, lambda: built.path("tars/captions/.part").exists())
        os.kill(job_of(built, "tars"), signal.SIGKILL)
        process.wait(60)
    assert process.returncode != 0 and "Error in rule captions_tars" in built.console()
    assert not list(built.path("tars/captions").glob("*.tar"))
    built.run("tars")
    assert built.products() == sample.products()
    assert built.left_behind() == []


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 kB, and a function that gives it more."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder, lambda: subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_and_the_next_run_completes(make_project, sample, small_disk):
    disk, grow = small_disk
    results = disk / "results"
    project = make_project(tars__count=10, results=str(results))
    targets = [
        f"{results}/tars/tags/0009.tar",
        f"{results}/captions/meta_cap_base.json",
        f"{results}/resolutions/resolutions.parquet",
    ]
    ran = project.run(*targets, code=1)
    assert ran.errors and all("cannot be written (No space left on device): free space" in line for line in ran.errors)
    assert str(disk) in ran.errors[0]
    assert "Traceback" not in ran.text
    assert project.left_behind() == []
    grow()
    project.run(*targets)
    made = project.products()
    assert len(made) > 24 and made.items() <= sample.products().items()
