import shutil

import pytest
from small_dataset import make_dataset

from booruflow.review.dataset import Dataset


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A small data set with captions of every origin; not to be changed."""
    folder = tmp_path_factory.mktemp("review")
    make_dataset(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """The folder of a copy of it."""
    return shutil.copytree(made, tmp_path / "set")


@pytest.fixture
def dataset(folder):
    """The data set opened."""
    return Dataset(folder)
