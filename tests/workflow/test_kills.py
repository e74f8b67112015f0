"""Whole runs killed at random moments, over all rules, which a seed draws: the next run completes with the same bytes and no
caption twice.

`pytest -m kills -s` kills a hundred runs, with the seed in the environment variable KILLS_SEED if it is set.
"""

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from projects import Project, end
from running_jobs import running_jobs

MAX_JOBS = 5
"""A kill comes after at most so many jobs have started, and at most `MAX_DELAY` seconds later."""
MAX_DELAY = 0.5


def started_jobs(project: Project, since: float) -> int:
    """How many jobs have opened their log since then."""
    count = 0
    for folder, _, names in os.walk(project.path("logs")):
        for name in names:
            with suppress(FileNotFoundError):  # Snakemake removes the log of a job that it starts again
                count += Path(folder, name).stat().st_mtime >= since
    return count


def kill_at(project: Project, jobs: int, delay: float) -> list[str] | None:
    """Run, and kill all processes `delay` seconds after so many jobs have started; returns the scripts then at work.

    None if the run has completed before that.
    """
    since = time.time()
    process = project.start()
    try:
        while started_jobs(project, since) < jobs:
            if process.poll() is not None:
                assert process.returncode == 0, project.console()
                return None
            time.sleep(0.02)
        time.sleep(delay)
        return sorted(running_jobs(project))
    finally:
        end(process)


def build_with_kills(project: Project, kills: int, draw: random.Random) -> list[list[str]]:
    """Build, with at most so many kills on the way; returns which scripts were at work at each kill."""
    moments: list[list[str]] = []
    while len(moments) < kills:
        scripts = kill_at(project, draw.randint(0, MAX_JOBS), draw.uniform(0, MAX_DELAY))
        if scripts is None:
            break
        moments.append(scripts)
        project.run("--unlock")
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
    print(f"\n{len(moments)} kills in {builds} builds, seed {seed}; at work when killed:")
    print(", ".join(f"{script} {count}" for script, count in counts.most_common()))


def test_killed_at_random_moments_it_ends_in_the_same_bytes(make_project, sample):
    check_kills(make_project, sample, kills=7, seed=1)


@pytest.mark.kills
def test_killed_a_hundred_times_it_ends_in_the_same_bytes(make_project, sample):
    check_kills(make_project, sample, kills=100, seed=int(os.environ.get("KILLS_SEED", "0")))
