from collections.abc import Callable
from pathlib import Path

import pytest
from projects import Project, new_project


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
