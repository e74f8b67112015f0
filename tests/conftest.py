"""Hypothesis draws the same examples in each run of the suite; `--hypothesis-profile=fresh` draws new ones, and more."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from projects import Project, copy_of, new_project

LONGEST = ["test_slurm.py", "test_conda.py", "test_kills.py", "test_interrupted.py", "test_resume.py"]

settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.register_profile("fresh", max_examples=1000, deadline=None, database=None, print_blob=True)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files that take longest: with files in parallel, none of them then runs alone at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The sample, as shipped but for tars and the trainer's folder. Tests that change anything take a copy.

    It is built once: of tests in several processes, which have folders in one, the first process that needs it builds it.
    """
    folder = tmp_path_factory.getbasetemp()
    shared = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "sample"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "built").exists():
            shutil.rmtree(shared / "project", ignore_errors=True)
            new_project(shared / "project", tars__count=10, meta_lat__folder="/data/images").run()
            (shared / "built").touch()
    return Project(shared / "project")


@pytest.fixture
def built(sample: Project, tmp_path: Path) -> Project:
    """A copy of the sample as built."""
    return copy_of(sample, tmp_path / "project")
