"""The package as it is installed: importable from anywhere, complete, and behind another clone's own library."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from environments import pins

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "scripts/booruflow"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def python(code: str, folder: Path) -> str:
    """What a Python outside of the clone, without PYTHONPATH, prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env={}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_is_importable_from_anywhere(tmp_path):
    assert python("from booruflow.tokens.dataset import TokenDataset; print(TokenDataset.__name__)", tmp_path) == "TokenDataset"


def test_scripts_are_not_importable(tmp_path):
    assert python("import importlib.util as u; print(u.find_spec('meta_lat'), u.find_spec('parse'))", tmp_path) == "None None"


def test_the_library_beside_the_scripts_of_another_clone_comes_first(tmp_path):
    shutil.copytree(LIBRARY, tmp_path / "scripts/booruflow")
    code = f"import sys; sys.path.append({str(tmp_path / 'scripts')!r}); import booruflow.core.errors as e; print(e.__file__)"
    assert python(code, tmp_path) == str(tmp_path / "scripts/booruflow/core/errors.py")


def test_the_wheel_holds_the_whole_library(tmp_path):
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(LIBRARY, tmp_path / "scripts/booruflow", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "out", "."]
    subprocess.run(command, cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "out").glob("booruflow-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("booruflow/")}
    files = [path for path in LIBRARY.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert packed == {path.relative_to(LIBRARY.parent).as_posix() for path in files}


@pytest.mark.parametrize("extra", [None, *PROJECT["project"]["optional-dependencies"]])
def test_dependencies_are_names_that_the_groups_pin(extra):
    project = PROJECT["project"]
    names = project["optional-dependencies"][extra] if extra else project["dependencies"]
    assert [name for name in names if not re.fullmatch(r"[a-z0-9-]+", name)] == []
    assert set(names) <= {pin.partition("==")[0] for pin in pins("dev")}
