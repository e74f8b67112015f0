"""A local conda channel with two packages: this Python as a virtual environment in a package, and its pip.

    python local_channel.py FOLDER

writes FOLDER/conda-forge, which has the two packages that the environments of this project take from a channel
(`python=3.11`, `pip`) and nothing of the real conda-forge.
"""

import asyncio
import hashlib
import json
import os
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import rattler.index

BASE = Path(sys.base_prefix)
VERSION = ".".join(map(str, sys.version_info[:3]))
MINOR = ".".join(map(str, sys.version_info[:2]))

Index = dict[str, object]


def main(folder: Path) -> None:
    """Write the channel."""
    channel = folder / "conda-forge"
    with tempfile.TemporaryDirectory() as python, tempfile.TemporaryDirectory() as pip:
        _lay_out_python(Path(python))
        index: Index = {"name": "python", "version": VERSION, "build": "0_venv", "depends": []}
        _pack(Path(python), channel / "linux-64", index | {"arch": "x86_64", "platform": "linux", "subdir": "linux-64"})
        wheel = next((BASE / f"lib/python{MINOR}/ensurepip/_bundled").glob("pip-*.whl"))
        zipfile.ZipFile(wheel).extractall(Path(pip) / "site-packages")
        index = {"name": "pip", "version": wheel.name.split("-")[1], "build": "py_0", "depends": ["python >=3.8"]}
        link = {"type": "python", "entry_points": ["pip = pip._internal.cli.main:main"]}
        _write(Path(pip) / "info/link.json", {"package_metadata_version": 1, "noarch": link})
        _pack(Path(pip), channel / "noarch", index | {"arch": None, "platform": None, "subdir": "noarch", "noarch": "python"})
    asyncio.run(rattler.index.index_fs(channel, write_zst=False, write_shards=False, force=True))


def _lay_out_python(root: Path) -> None:
    """Write a virtual environment of this Python, with the file layout of a conda package."""
    binaries, packages = root / "bin", root / f"lib/python{MINOR}/site-packages"
    binaries.mkdir()
    packages.mkdir(parents=True)
    packages.joinpath("README.txt").write_text("Packages that pip installs.\n")
    binaries.joinpath(f"python{MINOR}").symlink_to(BASE / f"bin/python{MINOR}")
    for name in ("python", "python3"):
        binaries.joinpath(name).symlink_to(f"python{MINOR}")
    settings = {"home": BASE / "bin", "include-system-site-packages": "false", "version": VERSION}
    root.joinpath("pyvenv.cfg").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))


def _pack(root: Path, folder: Path, index: Index) -> None:
    """Pack `root` as a conda package (https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html)."""
    entries = [_entry(path, root) for path in sorted(root.rglob("*")) if path.is_symlink() or path.is_file()]
    entries = [entry for entry in entries if not str(entry["_path"]).startswith("info/")]
    _write(root / "info/index.json", {"build_number": 0, "timestamp": 0, "license": "PSF-2.0 AND MIT", **index})
    _write(root / "info/paths.json", {"paths": entries, "paths_version": 1})
    _write(root / "info/about.json", {"summary": "for tests"})
    root.joinpath("info/files").write_text("".join(f"{entry['_path']}\n" for entry in entries))
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "{name}-{version}-{build}.tar.bz2".format(**index), "w:bz2", compresslevel=1) as tar:
        for path in sorted(root.iterdir(), key=lambda path: path.name != "info"):
            tar.add(path, path.name)


def _entry(path: Path, root: Path) -> Index:
    content = b"" if path.is_symlink() else path.read_bytes()
    return {
        "_path": path.relative_to(root).as_posix(),
        "path_type": "softlink" if path.is_symlink() else "hardlink",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # threads of py-rattler can abort an ordinary exit
