"""Make a table of real tag sets from the Debian package lists on this machine.

    python benchmarks/debtags.py debtags.tsv [LIST ...]

Debian packages carry tags assigned by people (`Tag: role::program, use::editing, ...`). The table has the columns package,
source and tags (sorted, separated by spaces), with one row per tagged package, sorted by name. LIST is a package list,
compressed or not; by default all lists in /var/lib/apt/lists. Reading them needs apt-helper, which is part of apt.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole

APT_HELPER = "/usr/lib/apt/apt-helper"
LISTS = Path("/var/lib/apt/lists")
FIELD = re.compile(r"^(Package|Source|Tag): *(.*(?:\n[ \t].*)*)", re.MULTILINE)
BRACES = re.compile(r"([\w+:-]+::)\{([^}]*)\}")


def tags_of(field: str) -> list[str]:
    """The tags of a `Tag:` field, sorted: `a::b, c::{d,e}` is a::b, c::d, c::e."""
    expanded = BRACES.sub(lambda match: ", ".join(match[1] + name.strip() for name in match[2].split(",")), field)
    return sorted({tag.strip() for tag in expanded.replace("\n", " ").split(",")} - {""})


def tagged_packages(text: str) -> Iterator[tuple[str, str, str]]:
    """Package, source and tags of each paragraph of a package list (deb822 format) that has tags."""
    for paragraph in text.split("\n\n"):
        fields = dict(FIELD.findall(paragraph))
        if "Package" in fields and "Tag" in fields:
            source = fields.get("Source", fields["Package"]).split()[0]
            yield fields["Package"], source, " ".join(tags_of(fields["Tag"]))


def main(arguments: list[str]) -> None:
    """Read the package lists and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="output file")
    parser.add_argument("lists", type=Path, nargs="*", metavar="LIST", help="package list")
    options = parser.parse_args(arguments)
    lists = options.lists or sorted(path for path in LISTS.glob("*_Packages*") if path.is_file())
    if not lists:
        raise UserError(f"{LISTS}: no package lists: run 'apt-get update' or pass a list as an argument")
    packages: dict[str, tuple[str, str]] = {}
    for path in lists:
        read = subprocess.run([APT_HELPER, "cat-file", path], check=False, capture_output=True)
        if read.returncode:
            raise UserError(f"{path}: {read.stderr.decode().strip().splitlines()[0]}: pass a package list")
        for package, source, tags in tagged_packages(read.stdout.decode()):
            packages.setdefault(package, (source, tags))
    with open_whole(options.table) as file:
        file.write(b"package\tsource\ttags\n")
        for package in sorted(packages):
            file.write("\t".join((package, *packages[package])).encode() + b"\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
