"""Make a table of small real sets from the Debian package lists on this machine: the packages that each package depends on.

    python benchmarks/dependencies.py dependencies.tsv [LIST ...]

The table has the form of benchmarks/debtags.py. A package is a set of the packages in its `Depends:` field, the first of
each choice, without versions; packages with more than six are left out. The category of a tag is the section of the
package (`libs::libgtk-3-0`), `virtual` if no package has the name. The architecture of the package, `all` or that of the
list, stands for the rating of a post: it is given in every query and never asked for.
"""

import re
import sys
from collections.abc import Mapping

from debtags import command_line, packages, write_table

from booruflow.core.errors import UserError

NAME = re.compile(r"(?:^|,)\s*([\w.+-]+)")
MOST = 6


def dependencies(fields: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """The dependencies of each package as `section::package`, and its rating; nothing for more than six dependencies."""
    sections = {name: each.get("Section", "unknown") for name, each in fields.items()}
    sets = {
        package: sorted({f"{sections.get(name, 'virtual')}::{name}" for name in NAME.findall(each.get("Depends", ""))})
        for package, each in fields.items()
    }
    return {
        package: [*tags, f"rating::{fields[package]['Architecture']}"] if 1 <= len(tags) <= MOST else []
        for package, tags in sets.items()
    }


def main(arguments: list[str]) -> None:
    """Read the lists, write the table."""
    options = command_line(__doc__, arguments)
    fields = packages(options.lists)
    write_table(options.table, dependencies(fields), fields)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
