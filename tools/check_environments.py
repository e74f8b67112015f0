"""Check that the pins of each environment resolve together, and that what they name can be imported.

    python tools/check_environments.py [group ...]

Each group is installed into a new virtual environment below a temporary folder. One that needs CUDA to be imported is
only resolved. Exits with the number of groups that failed.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from environments import ENVIRONMENTS, pins

NEEDS_CUDA = ("exllamav2",)
"""Importing it builds a CUDA extension."""

IMPORT_ALL = """
import importlib, importlib.metadata, sys
modules = {}
for module, packages in importlib.metadata.packages_distributions().items():
    for package in packages:
        modules.setdefault(package.lower().replace("_", "-"), set()).add(module)
for package in (pin.partition("==")[0] for pin in sys.argv[1:]):
    names = sorted(name for name in modules[package] if name.isidentifier() and not name.startswith("_"))
    print(" ", package, *names, flush=True)
    for name in names:
        importlib.import_module(name)
"""


def fails(group: str) -> bool:
    """Whether a group does not resolve, install or import; what went wrong stands on the console."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin/python")
        resolve = ["--dry-run"] if group in NEEDS_CUDA else []
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", *resolve, *pins(group)]).returncode
        if done == 0 and not resolve:
            done = subprocess.run([python, "-c", IMPORT_ALL, *pins(group)]).returncode
    print(f"{group}: {'failed' if done else 'resolves' if resolve else 'resolves and imports'}")
    return done != 0


if __name__ == "__main__":
    sys.exit(sum([fails(group) for group in sys.argv[1:] or ENVIRONMENTS]))
