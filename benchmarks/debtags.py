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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole

APT_HELPER = "/usr/lib/apt/apt-helper"
LISTS = Path("/var/lib/apt/lists")
FIELD = re.compile(r"^([A-Z][\w-]*): *(.*(?:\n[ \t].*)*)", re.MULTILINE)
BRACES = re.compile(r"([\w+:-]+::)\{([^}]*)\}")


def tags_of(field: str) -> list[str]:
    """The tags of a `Tag:` field, sorted: `a::b, c::{d,e}` is a::b, c::d, c::e."""
    whole = BRACES.sub(lambda found: ", ".join(found[1] + name.strip() for name in found[2].split(",")), field)
    return sorted({tag.strip() for tag in whole.replace("\n", " ").split(",")} - {""})


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """The fields of each package of a package list (deb822)."""
    for paragraph in text.split("\n\n"):
        fields = dict(FIELD.findall(paragraph))
        if "Package" in fields:
            yield fields


def packages(lists: Sequence[Path]) -> dict[str, dict[str, str]]:
    """The fields of all packages of the lists by name; without lists, of those in /var/lib/apt/lists.

    Of a package in several lists the first value of each field counts: security updates have no tags.

    Raises:
        UserError: there are no lists, or one cannot be read.
    """
    lists = lists or sorted(path for path in LISTS.glob("*_Packages*") if path.is_file())
    if not lists:
        raise UserError(f"{LISTS}: no package lists: run 'apt-get update' or name a list")
    found: dict[str, dict[str, str]] = {}
    for path in lists:
        process = subprocess.run([APT_HELPER, "cat-file", path], check=False, capture_output=True)
        if process.returncode:
            raise UserError(f"{path}: {process.stderr.decode().strip().splitlines()[0]}: name a package list")
        for fields in paragraphs(process.stdout.decode()):
            found[fields["Package"]] = fields | found.get(fields["Package"], {})
    return found


def write_table(path: Path, sets: Mapping[str, Sequence[str]], fields: Mapping[str, Mapping[str, str]]) -> None:
    """Write package, source and tags of each package that has tags, sorted by package; `fields` are those of `packages`."""
    with open_whole(path) as file:
        file.write(b"package\tsource\ttags\n")
        for package in sorted(package for package, tags in sets.items() if tags):
            source = fields[package].get("Source", package).split()[0]
            file.write("\t".join((package, source, " ".join(sets[package]))).encode() + b"\n")


def command_line(description: str | None, arguments: list[str]) -> argparse.Namespace:
    """The options `table` and `lists`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("lists", type=Path, nargs="*", metavar="LIST")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Read the lists, write the table."""
    options = command_line(__doc__, arguments)
    fields = packages(options.lists)
    write_table(options.table, {name: tags_of(each.get("Tag", "")) for name, each in fields.items()}, fields)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
