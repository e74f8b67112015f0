"""Check that the pinned packages of each environment resolve together and can be imported.

    python tools/check_environments.py [group ...]

Each dependency group is installed into a new virtual environment in a temporary folder; a group that cannot be imported
without CUDA is only resolved. The exit code is the number of failed groups.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from environments import ENVIRONMENTS, pins

NEEDS_CUDA = ("exllamav2",)
"""Groups that cannot be imported without CUDA: exllamav2 builds a CUDA extension on import."""

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
    """Whether a group fails to resolve, install or import; pip or Python prints the error."""
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
