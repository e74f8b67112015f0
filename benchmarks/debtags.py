"""Make a table of real tag sets from the Debian package lists on this machine.

    python benchmarks/debtags.py debtags.tsv [LIST ...]

Debian packages have tags assigned by people (`Tag: role::program, use::editing, ...`). The table has the columns package,
source, tags (sorted, space-separated), sorted by package, without packages that have no tags. LIST is a package list,
compressed or not; the default is all of /var/lib/apt/lists. Needs apt-helper, which is part of apt.
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
    whole = BRACES.sub(lambda found: ", ".join(found[1] + name.strip() for name in found[2].split(",")), field)
    return sorted({tag.strip() for tag in whole.replace("\n", " ").split(",")} - {""})


def tagged_packages(text: str) -> Iterator[tuple[str, str, str]]:
    """Package, source and tags of each tagged paragraph of a package list (deb822)."""
    for paragraph in text.split("\n\n"):
        fields = dict(FIELD.findall(paragraph))
        if "Package" in fields and "Tag" in fields:
            source = fields.get("Source", fields["Package"]).split()[0]
            yield fields["Package"], source, " ".join(tags_of(fields["Tag"]))


def main(arguments: list[str]) -> None:
    """Read the lists, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("lists", type=Path, nargs="*", metavar="LIST")
    options = parser.parse_args(arguments)
    lists = options.lists or sorted(path for path in LISTS.glob("*_Packages*") if path.is_file())
    if not lists:
        raise UserError(f"{LISTS}: no package lists: run 'apt-get update' or name a list")
    packages: dict[str, tuple[str, str]] = {}
    for path in lists:
        process = subprocess.run([APT_HELPER, "cat-file", path], check=False, capture_output=True)
        if process.returncode:
            raise UserError(f"{path}: {process.stderr.decode().strip().splitlines()[0]}: name a package list")
        for package, source, tags in tagged_packages(process.stdout.decode()):
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
