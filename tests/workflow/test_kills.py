"""Whole runs killed at random times, which a seed draws: the next run completes with the same bytes and no caption twice.

`pytest -m kills -s` kills a hundred runs, with the seed in the environment variable KILLS_SEED if it is set.
"""

import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import pytest
from projects import Project, end
from running_jobs import running_jobs

LATEST = 5
"""Latest kill, in multiples of the time that Snakemake needs to start: a build is killed a few times on any machine."""


def unlock(project: Project) -> float:
    """Remove the lock of a killed run; returns the seconds that this start of Snakemake took."""
    started = time.monotonic()
    project.run("--unlock")
    return time.monotonic() - started


def build_with_kills(project: Project, kills: int, draw: random.Random) -> list[list[str]]:
    """Build, with at most so many kills on the way; returns which scripts were running at each kill."""
    moments: list[list[str]] = []
    startup = unlock(project)
    while len(moments) < kills:
        process = project.start()
        try:
            assert process.wait(draw.uniform(0, LATEST * startup)) == 0, project.console()
            break
        except subprocess.TimeoutExpired:
            moments.append(sorted(running_jobs(project)))
        finally:
            end(process)
        startup = unlock(project)
    project.run()
    return moments


def check_kills(make_project: Callable[..., Project], sample: Project, kills: int, seed: int) -> None:
    """Build again and again until so many runs were killed; each build must equal the undisturbed one."""
    draw = random.Random(seed)
    moments: list[list[str]] = []
    builds = 0
    while len(moments) < kills:
        project = make_project(f"build_{builds}", tars__count=10, meta_lat__folder="/data/images", captioner__batch_size=2)
        moments += build_with_kills(project, kills - len(moments), draw)
        assert project.products() == sample.products(), f"seed {seed}, {len(moments)} kills"
        assert project.left_behind() == []
        generated = [entry["id"] for entry in project.journal()]
        assert len(generated) == len(set(generated)) == 32
        shutil.rmtree(project.folder)
        builds += 1
    counts = Counter(script for scripts in moments for script in scripts or ["(no job)"])
    print(f"\n{kills} kills in {builds} builds, seed {seed}; at work when killed:")
    print(", ".join(f"{script} {count}" for script, count in counts.most_common()))


def test_killed_at_random_times_it_ends_in_the_same_bytes(make_project, sample):
    check_kills(make_project, sample, kills=7, seed=1)


@pytest.mark.kills
def test_killed_a_hundred_times_it_ends_in_the_same_bytes(make_project, sample):
    check_kills(make_project, sample, kills=100, seed=int(os.environ.get("KILLS_SEED", "0")))
