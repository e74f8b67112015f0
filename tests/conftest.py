"""Hypothesis draws the same examples in each run of the suite; `--hypothesis-profile=fresh` draws new ones, and more."""

import pytest
from hypothesis import settings

LONGEST = ["test_slurm.py", "test_conda.py", "test_kills.py", "test_interrupted.py", "test_resume.py"]

settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.register_profile("fresh", max_examples=1000, deadline=None, database=None, print_blob=True)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files that take longest: with files in parallel, none of them then runs alone at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
