"""Aliases and implications of tags, from the CSV tables that Danbooru and e621 export.

Columns: `antecedent_name` and `consequent_name` (the alias and its tag, or the tag and what it implies) and, where there is one,
`status`, of which only `active` rows count; others are not read. CSV as RFC 4180 in UTF-8, plain or .gz.
"""

import csv
import gzip
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from booruflow.core.errors import UserError
from booruflow.core.files import open_input
from booruflow.core.tables import require_columns

ANTECEDENT, CONSEQUENT, STATUS = "antecedent_name", "consequent_name", "status"


class Relation(NamedTuple):
    """A row of a table."""

    antecedent: str
    consequent: str
    place: str
    """The file and the number of the row, row 1 being the header."""


def read_relations(paths: Sequence[str | Path]) -> list[Relation]:
    """The active rows of all tables.

    Raises:
        UserError: a file cannot be read, a column is missing, or a row has no names or the same name twice.
    """
    return [relation for path in paths for relation in _read(path)]


def _read(path: str | Path) -> Iterable[Relation]:
    with open_input(path) as file:
        data = file.read()
    try:
        text = (gzip.decompress(data) if str(path).lower().endswith(".gz") else data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}: line {line}: not UTF-8: save the file as UTF-8, or download it again") from error
    except (OSError, EOFError) as error:
        raise UserError(f"{path}: not a complete .gz file ({error}): download it again") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        require_columns(path, header, [ANTECEDENT, CONSEQUENT], "take the table of aliases or implications of the booru")
        places = [header.index(name) if name in header else None for name in (ANTECEDENT, CONSEQUENT, STATUS)]
        for number, row in enumerate(reader, start=2):
            place = f"{path}: row {number}"
            if not row:  # an empty line
                continue
            if len(row) != len(header):
                raise UserError(f"{place}: {len(row)} values, not {len(header)}: fix or remove the row")
            antecedent, consequent, status = ("active" if at is None else row[at].strip() for at in places)
            if status != "active":
                continue
            for name in (antecedent, consequent):
                if not name or re.search(r"\s", name):
                    raise UserError(f"{place}: {name!r} is not the name of a tag: fix or remove the row")
            if antecedent == consequent:
                raise UserError(f"{place}: {antecedent} stands on both sides: remove the row")
            yield Relation(antecedent, consequent, place)
    except csv.Error as error:
        raise UserError(f"{path}: row {reader.line_num}: {error}: fix or remove the row") from error


def aliases(relations: Iterable[Relation]) -> dict[str, Relation]:
    """The row of each alias.

    Raises:
        UserError: an alias is that of two tags, or aliases lead in a circle; the rows are named.
    """
    rows: dict[str, Relation] = {}
    for row in relations:
        other = rows.setdefault(row.antecedent, row)
        if other.consequent != row.consequent:
            raise UserError(
                f"{row.place}: {row.antecedent} is an alias of {row.consequent}, and of {other.consequent} in {other.place}:"
                " remove one of the rows"
            )
    checked: set[str] = set()
    for name in rows:
        way: list[str] = []
        while name in rows and name not in checked:
            if name in way:
                raise _circle([rows[each] for each in way[way.index(name) :]], "are aliases of each other")
            way.append(name)
            name = rows[name].consequent
        checked.update(way)
    return rows


def implied_tags(relations: Iterable[Relation], canonical: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """All tags that a tag implies, directly or not, in alphabetical order, by canonical names.

    A row whose two tags have become one is left out.

    Raises:
        UserError: implications lead in a circle; the rows are named.
    """
    rows: dict[tuple[str, str], Relation] = {}
    graph: dict[str, set[str]] = {}
    for row in relations:
        name, implied = (canonical.get(each, each) for each in row[:2])
        if name != implied:
            rows.setdefault((name, implied), row)
            graph.setdefault(name, set()).add(implied)
    closure: dict[str, set[str]] = {}
    try:
        for name in TopologicalSorter(graph).static_order():  # what is implied comes first
            direct = graph.get(name, set())
            closure[name] = direct.union(*(closure[each] for each in direct))
    except CycleError as error:
        circle = error.args[1][::-1]
        raise _circle([rows[pair] for pair in pairwise(circle)], "imply each other") from error
    return {name: tuple(sorted(implied)) for name, implied in closure.items() if implied}


def _circle(rows: Sequence[Relation], problem: str) -> UserError:
    names = " and ".join(dict.fromkeys(row.antecedent for row in rows[:3]))
    return UserError(f"{', '.join(row.place for row in rows[:9])}: {names} {problem}: remove one of the rows")
