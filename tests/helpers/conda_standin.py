"""A substitute for `conda` on machines without it: the commands that Snakemake uses, implemented with py-rattler.

It solves and installs environments. `CONDA_CHANNEL_ALIAS` is the location of channels, as with conda. Packages under `pip:` in
an environment are installed with the environment's own pip.
"""

import argparse
import asyncio
import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import rattler
import yaml
from rattler.platform import Platform

VERSION = "24.7.1"
"""The oldest version that Snakemake accepts."""

PREFIX = Path(os.environ.get("CONDA_STANDIN", Path(__file__).parent))
"""The folder of `install`."""

ACTIVATE = """export CONDA_PREFIX="$1" CONDA_DEFAULT_ENV="$1" CONDA_SHLVL=1 PATH="$1/bin:$PATH"\n"""


def install(folder: Path) -> Path:
    """Write `conda` and `activate` below `folder`; returns the folder to add to PATH."""
    binaries = folder / "bin"
    binaries.mkdir(parents=True)
    binaries.joinpath("activate").write_text(ACTIVATE)
    conda = binaries / "conda"
    conda.write_text(f'#!/bin/sh\nCONDA_STANDIN="{folder}" exec "{sys.executable}" "{Path(__file__).resolve()}" "$@"\n')
    conda.chmod(conda.stat().st_mode | stat.S_IXUSR)
    return binaries


def create(file: Path, prefix: Path) -> None:
    """Create the environment that a YAML file describes."""
    environment = yaml.safe_load(file.read_text("utf-8"))
    asyncio.run(
        _install(
            [package for package in environment["dependencies"] if isinstance(package, str)], environment["channels"], prefix
        )
    )
    pins = [pin for entry in environment["dependencies"] if isinstance(entry, dict) for pin in entry["pip"]]
    if pins:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
            requirements.write("\n".join(pins))
            requirements.flush()
            pip = [str(prefix / "bin/python"), "-m", "pip", "install", "--quiet", "--requirement", requirements.name]
            subprocess.run(pip, check=True, stdout=sys.stderr)


async def _install(specifications: list[str], channels: list[str], prefix: Path) -> None:
    alias = rattler.ChannelConfig(channel_alias=os.environ["CONDA_CHANNEL_ALIAS"].rstrip("/") + "/")
    cache = PREFIX / "packages"
    records = await rattler.solve(
        [rattler.Channel(name, alias) for name in channels],
        specifications,
        gateway=rattler.Gateway(cache_dir=cache / "index"),
        platforms=[str(Platform.current()), "noarch"],
        virtual_packages=rattler.VirtualPackage.detect(),
    )
    await rattler.install(records, prefix, cache_dir=cache, show_progress=False)


def main(arguments: list[str]) -> None:
    """Run one command."""
    match arguments:
        case ["--version"]:
            print("conda", VERSION)
        case ["info", "--json"]:
            print(json.dumps({"conda_prefix": str(PREFIX), "platform": str(Platform.current()), "conda_version": VERSION}))
        case ["config", "--get", "channel_priority", "--json"]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["clean", *_]:
            pass
        case ["env", "create", *options]:
            parser = argparse.ArgumentParser()
            parser.add_argument("--file", type=Path, required=True)
            parser.add_argument("--prefix", type=Path, required=True)
            for option in ("--quiet", "--no-default-packages", "--yes"):
                parser.add_argument(option, action="store_true")
            chosen = parser.parse_args(options)
            create(chosen.file, chosen.prefix)
        case _:
            sys.exit(f"unknown command of the conda substitute: {' '.join(arguments)}")


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of py-rattler can abort an ordinary exit
