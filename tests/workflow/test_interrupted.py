"""Runs that are killed, stopped, or out of disk space: the next run completes."""

import os
import re
import shutil
import signal
import subprocess

import pytest
from running_jobs import running_jobs

SMALL_BATCHES = {"tars__count": 10, "meta_lat__folder": "/data/images", "captioner__batch_size": 2}


def test_killed_at_any_moment_it_ends_in_the_same_bytes(make_project, sample):
    project = make_project(**SMALL_BATCHES)
    moments = [
        lambda: "posts" in running_jobs(project),
        lambda: len(project.journal_lines()) >= 3,
        lambda: "meta_cap" in running_jobs(project),
        lambda: project.path("tars/captions/.part").exists(),
        lambda: "manifest" in running_jobs(project),
    ]
    for moment in moments:
        with project.running() as process:
            project.wait_for(process, moment)
        project.run("--unlock")
    assert not project.path("manifest.json").exists()
    scripts = project.folder / ".snakemake/scripts"
    assert list(scripts.iterdir()), "killed jobs leave the copies of their scripts"
    project.run()
    assert list(scripts.iterdir()) == []
    assert project.products() == sample.products()
    assert project.left_behind() == []
    generated = [entry["id"] for entry in project.journal()]
    assert len(generated) == len(set(generated)) == 32


def test_ctrl_c_while_captioning_stops_and_the_next_run_completes(built, sample):
    (built.folder / "journal/shard_3_of_4.jsonl").unlink()
    built.path("captions/raw_3.jsonl").unlink()
    kept = len(built.journal_lines())
    built.configure(captioner__batch_size=1)
    with built.running() as process:
        built.wait_for(
            process, lambda: (built.folder / "journal/shard_3_of_4.jsonl").exists() and len(built.journal_lines()) > kept
        )
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


def test_a_killed_job_is_reported_and_runs_again(built, sample):
    shutil.rmtree(built.path("tars/captions"))
    with built.running("tars") as process:
        built.wait_for(process, lambda: built.path("tars/captions/.part").exists())
        os.kill(running_jobs(built)["tars"], signal.SIGKILL)
        process.wait(60)
    assert process.returncode != 0 and re.search(r"captions_tars +failed: ", built.console())
    assert not list(built.path("tars/captions").glob("*.tar"))
    built.run("tars")
    assert built.products() == sample.products()
    assert built.left_behind() == []


SIZES = [300, 600, 1000, 2000]
"""Sizes in kB at which the disk fills early, among the tars, among the captions and late; the whole sample takes 3 MB."""


@pytest.fixture
def small_disk(tmp_path):
    """A folder with a file system of its own, and a function that sets its size in kB."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True)

    mounted = mount(f"size={SIZES[0]}k")
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder, lambda size: mount(f"remount,size={size}k").check_returncode()
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_reported_and_the_next_run_completes(make_project, sample, small_disk):
    disk, resize = small_disk
    project = make_project(**SMALL_BATCHES)
    for name in ("results", "journal"):
        (disk / name).mkdir()
        (project.folder / name).symlink_to(disk / name)
    failed_rules = set()
    for size in SIZES:
        resize(size)
        ran = project.run(code=1)
        assert "No space left on device" in ran.text
        assert all("cannot be written (No space left on device): free space" in line for line in ran.errors)
        assert all(re.search(r"error: (results|journal)/", line) for line in ran.errors)
        assert "Traceback" not in ran.text
        assert project.left_behind() == []
        failed_rules |= set(re.findall(r"^[\d:]+ +(\w+).* failed: ", ran.text, re.MULTILINE))
    assert len(failed_rules) >= 3, "the disk fills at different moments"
    resize(64_000)
    project.run()
    assert project.products() == sample.products()
    assert project.left_behind() == []
    generated = [entry["id"] for entry in project.journal()]
    assert len(generated) == len(set(generated)) == 32
