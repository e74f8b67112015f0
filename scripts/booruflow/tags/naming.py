"""What becomes of each tag, decided once for each distinct name: its canonical name, whether it is dropped, its spelling."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.sources.posts import TAG_CATEGORIES
from booruflow.sources.tags import apart
from booruflow.tags.patterns import TagPatterns, compiled, escaped, literals, split_category
from booruflow.tags.relations import Relation, aliases, implied_tags, read_relations

MAX_STEPS = 100
"""Renamings of one tag in a row; a pattern that matches its own result has no end."""


class Named(NamedTuple):
    """Canonical names of a category, each with `by`, the rule that gave it; `None` where the booru's own name stays."""

    names: list[str]
    by: list[str | None]


class Naming:
    """The rules of a policy about names.

    Attributes:
        passed: by category, all names on the way of those that were asked for to their canonical ones.
    """

    def __init__(self, policy: Mapping[str, Any], alias_rows: Sequence[Relation], implications: Sequence[Relation]) -> None:
        """Takes the keys drop, keep, rename, underscores, escape_brackets and templates of a policy, and rows of its tables.

        Raises:
            UserError: aliases or implications contradict each other.
        """
        self._policy = policy
        self._alias_of = aliases(alias_rows)
        self._new_name: dict[str, dict[str, tuple[str, str]]] = {}
        self._rename = TagPatterns([name for name in policy["rename"] if len(literals(split_category(name)[1])) > 1])
        for entry, target in policy["rename"].items():
            categories, pattern = split_category(entry)
            if len(texts := literals(pattern)) == 1:
                for category in categories:
                    self._new_name.setdefault(category, {})[texts[0]] = (target, f"rename: {entry}")
        self.passed: dict[str, set[str]] = {category: set() for category in ("", *TAG_CATEGORIES)}
        for category, own in self._new_name.items():
            for name in own:
                self._renamed(category, name)  # a circle is an error, also where no post has the tag
        self._drop, self._keep = (TagPatterns(self._canonical_entries(policy[key])) for key in ("drop", "keep"))
        shared = self._implications(implications, "") if not policy["rename"] else {}
        self._implied_of = {
            category: self._implications(implications, category) if policy["rename"] else shared for category in TAG_CATEGORIES
        }
        for names in self.passed.values():
            names.clear()

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> "Naming":
        """The rules of a policy, with its tables read."""
        return cls(policy, read_relations(policy["aliases"]), read_relations(policy["implications"]))

    def canonical(self, category: str, names: Sequence[str]) -> Named:
        """The names after renaming and aliases."""
        renamed = self._rename.matches(category, names)
        own = self._new_name.get(category, {})
        found: list[tuple[str, str | None]] = [
            self._renamed(category, name) if matched or name in own or name in self._alias_of else (name, None)
            for name, matched in zip(names, renamed.tolist(), strict=True)
        ]
        return Named([name for name, _ in found], [by for _, by in found])

    def is_kept(self, category: str, names: Sequence[str]) -> NDArray[np.bool_]:
        """Which canonical names nothing may take out."""
        return self._keep.matches(category, names)

    def is_dropped(self, category: str, names: Sequence[str]) -> NDArray[np.bool_]:
        """Which canonical names are left out."""
        return self._drop.matches(category, names) & ~self.is_kept(category, names)

    def dropped_by(self, category: str, name: str) -> str:
        """The rule that drops a canonical name."""
        return f"drop: {self._drop.first(category, name)}"

    def implied(self, category: str, name: str) -> tuple[str, ...]:
        """All canonical names that a canonical name implies."""
        return self._implied_of[category].get(name, ())

    def spelled(self, category: str, names: Sequence[str]) -> list[str]:
        """How canonical names are written."""
        text = spelling(pl.col("name"), self._policy["underscores"], self._policy["escape_brackets"])
        if template := self._policy["templates"].get(category):
            before, after = template.split("{}")
            text = pl.concat_str(pl.lit(before), text, pl.lit(after))
        return pl.DataFrame({"name": names}, schema={"name": pl.String}).select(text).to_series().to_list()

    def _implications(self, rows: Sequence[Relation], category: str) -> dict[str, tuple[str, ...]]:
        return implied_tags(rows, {name: self._renamed(category, name)[0] for row in rows for name in row[:2]})

    def _renamed(self, category: str, name: str) -> tuple[str, str | None]:
        """The name at the end of all renamings, and the first rule that applied. Without a category only aliases apply."""
        first, way = None, [name]
        while (step := self._step(category, name)) is not None:
            name, by = step
            first = first or by
            if name in way or len(way) > MAX_STEPS:
                raise UserError(
                    f"config.yaml: tags: {by} renames {way[0]} without end ({' -> '.join([*way[:4], name])}): change that rule"
                )
            way.append(name)
        self.passed[category].update(way)
        return name, first

    def _step(self, category: str, name: str) -> tuple[str, str] | None:
        if (own := self._new_name.get(category, {}).get(name)) and own[0] != name:
            return own
        if (entry := self._rename.first(category, name)) is not None:
            pattern = split_category(entry)[1]
            star = compiled(pattern).fullmatch(name)
            target = self._policy["rename"][entry].replace("*", star[1] if star else "")
            if target != name and target:
                return target, f"rename: {entry}"
        if row := self._alias_of.get(name):
            return row.consequent, row.place
        return None

    def _canonical_entries(self, entries: Sequence[str]) -> list[str]:
        """The entries; a plain name that has become another one also with its new name."""
        result = list(entries)
        for entry in entries:
            categories, pattern = split_category(entry)
            if len(texts := literals(pattern)) == 1:
                for category in categories:
                    renamed = self._renamed(category, texts[0])[0]
                    result += [f"{category}:{escaped(renamed)}"] * (renamed != texts[0])
        return result


def naming_errors(policy: Mapping[str, Any]) -> list[str]:
    """A line if the tables of a policy cannot be read, or they or its renamings contradict each other."""
    try:
        Naming.of(policy)
    except UserError as error:
        return [str(error)]
    return []


def spelling(name: pl.Expr, underscores: str, escape_brackets: bool) -> pl.Expr:
    """A tag as it is written.

    With `underscores` "space", `red_hair` is `red hair`, and `__wild__` is `wild`. Tags without two adjacent letters, which are
    kaomoji such as `^_^`, `o_o` or `0_0`, keep theirs. Escaped brackets are those of prompts with weights
    (AUTOMATIC1111, weighted captions of sd-scripts). No tag divides a prompt: see `booruflow.sources.tags.apart`.
    """
    if underscores == "space":
        spaced = name.str.replace_all("_+", " ").str.strip_chars(" ")
        name = pl.when(name.str.contains(r"\p{L}{2}")).then(spaced).otherwise(name)
    return apart(name.str.replace_all(r"([\\()\[\]])", r"\${1}") if escape_brackets else name)
