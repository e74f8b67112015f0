"""The pins of each environment resolve together, and what they name can be imported: `pytest -m environments`, by hand.

Each group is installed into a new virtual environment, which takes minutes and gigabytes.
"""

import subprocess
import venv

import pytest

from environments import ENVIRONMENTS, pins

NEEDS_CUDA = ("exllamav2",)
"""Only resolved: importing it builds a CUDA extension."""

IMPORT_ALL = """
import importlib, importlib.metadata, sys
modules = {}
for module, packages in importlib.metadata.packages_distributions().items():
    for package in packages:
        modules.setdefault(package.lower().replace("_", "-"), set()).add(module)
for package in (pin.partition("==")[0] for pin in sys.argv[1:]):
    for name in sorted(name for name in modules[package] if name.isidentifier() and not name.startswith("_")):
        importlib.import_module(name)
"""


@pytest.mark.environments
@pytest.mark.parametrize("group", ENVIRONMENTS)
def test_the_packages_of_an_environment_install_and_import(tmp_path, group):
    venv.create(tmp_path, with_pip=True)
    python = str(tmp_path / "bin/python")
    resolve_only = ["--dry-run"] if group in NEEDS_CUDA else []
    subprocess.run([python, "-m", "pip", "install", "--quiet", *resolve_only, *pins(group)], check=True)
    if not resolve_only:
        subprocess.run([python, "-c", IMPORT_ALL, *pins(group)], check=True)
