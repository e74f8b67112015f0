from collections.abc import Callable
from pathlib import Path

import pytest
from projects import Project, copy_of, new_project


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The sample, built once; as shipped but for tars and the trainer's folder. Tests that change anything take a copy."""
    project = new_project(tmp_path_factory.mktemp("sample") / "project", tars__count=10, meta_lat__folder="/data/images")
    project.run()
    return project


@pytest.fixture
def built(sample: Project, tmp_path: Path) -> Project:
    """A copy of the sample as built."""
    return copy_of(sample, tmp_path / "project")


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which a job that imports torch fails."""
    folder = tmp_path_factory.mktemp("poison")
    folder.joinpath("torch.py").write_text("raise ImportError('torch must not be imported here')\n")
    return {"PYTHONPATH": str(folder)}


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """A project without results, in a folder below the test's own."""
    return lambda name="project", **config: new_project(tmp_path / name, **config)
