"""One category of tags under a policy, batch by batch: renamed, dropped, implied tags and less specific ones."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from booruflow.tags.naming import Naming
from booruflow.tags.rows import Ints, Links, Tags, appended, has, without_repeats
from booruflow.tags.tag_columns import split_tags


class Batch(NamedTuple):
    """The tags of a batch of posts: `tags.name` counts through `names`, and `texts` is how these are written."""

    tags: Tags
    names: list[str]
    texts: list[str]


class CategoryTags:
    """Applies the rules about names to one category, and counts what they change. Each distinct name is decided once.

    Attributes:
        renamed: by the booru's name, the canonical name and the rule that led to it.
        dropped: by the booru's name, the canonical name.
        added, removed, less_specific: by canonical name, in how many posts.
    """

    def __init__(self, category: str, naming: Naming, implied: str, drop_less_specific: bool) -> None:
        """`implied` is what happens to implied tags: keep, add or remove them."""
        self.category, self._naming = category, naming
        self._implied, self._drop_less_specific = implied, drop_less_specific
        # the booru's names, each with a space behind it, and by their numbers: canonical name (-1: dropped), is it another, uses
        self._own = pa.array([], pa.string())
        self._target, self._is_other, self._uses = np.empty(0, np.int32), np.empty(0, bool), np.empty(0, np.int64)
        # canonical names, and by their numbers: spelling, what they imply
        self._number_of: dict[str, int] = {}
        self._names: list[str] = []
        self._texts: list[str] = []
        self._implied_by: list[list[int]] = []
        self._kept: set[int] = set()
        self._not_added: set[str] = set()  # implied, but dropped
        self.renamed: dict[str, tuple[str, str]] = {}
        self.dropped: dict[str, str] = {}
        self.added, self.removed, self.less_specific = Counter[str](), Counter[str](), Counter[str]()

    def posts(self, names: Iterable[str]) -> dict[str, int]:
        """In how many posts names of the booru were."""
        wanted = list(names)
        own = pc.index_in(pa.array([f"{name} " for name in wanted], pa.string()), self._own)
        return dict(zip(wanted, self._uses[own.to_numpy()].tolist(), strict=True))

    def names(self) -> set[str]:
        """All names that posts have, had on the way, or would have, if they were not dropped."""
        own = (name[:-1] for name in self._own.to_pylist())
        return {*own, *self._naming.passed[self.category], *self._names, *self.dropped.values(), *self._not_added}

    def apply(self, column: pa.Array) -> Batch:
        """The tags of a column of tag strings."""
        counts, tags = split_tags(column)
        encoded = tags.dictionary_encode()
        own = self._own_numbers(encoded.dictionary)
        codes = encoded.indices.to_numpy()
        self._uses[own] += np.bincount(codes, minlength=own.size)
        targets = self._target[own]
        numbers = self._here(targets)
        local = np.searchsorted(numbers, targets).astype(np.int32)
        local[targets < 0] = -1
        row, name, is_other = np.repeat(np.arange(counts.size, dtype=np.int32), counts), local[codes], self._is_other[own]
        if (targets < 0).any():
            stays = name >= 0
            row, name, codes = row[stays], name[stays], codes[stays]
        found = Tags(row, name)
        if is_other.any():
            found = without_repeats(found, is_other[codes], numbers.size)
        return self._related(found, numbers)

    def _own_numbers(self, names: pa.StringArray) -> Ints:
        """The numbers of the booru's names, each with a space behind it; new ones are decided."""
        own: Ints = pc.fill_null(pc.index_in(names, self._own), -1).to_numpy().astype(np.int64)
        if (new := np.flatnonzero(own < 0)).size:
            own[new] = np.arange(new.size) + len(self._own)
            decided = names.take(pa.array(new))
            self._own = pa.concat_arrays([self._own, decided])
            self._decide([name[:-1] for name in decided.to_pylist()])
        return own

    def _decide(self, names: Sequence[str]) -> None:
        """Find the canonical names of new names, and whether they are dropped."""
        found = self._naming.canonical(self.category, names)
        is_dropped = self._naming.is_dropped(self.category, found.names).tolist()
        self._number([name for name, dropped in zip(found.names, is_dropped, strict=True) if not dropped])
        for name, canonical, by, dropped in zip(names, *found, is_dropped, strict=True):
            if dropped:
                self.dropped[name] = canonical
            elif by is not None:
                self.renamed[name] = canonical, by
        targets = [-1 if dropped else self._number_of[name] for name, dropped in zip(found.names, is_dropped, strict=True)]
        self._target = np.append(self._target, np.array(targets, np.int32))
        self._is_other = np.append(self._is_other, [by is not None for by in found.by])
        self._uses = np.append(self._uses, np.zeros(len(names), np.int64))

    def _number(self, names: Sequence[str]) -> None:
        """Give numbers to canonical names, and to all that they imply and that is not dropped."""
        new = [name for name in dict.fromkeys(names) if name not in self._number_of]
        if not new:
            return
        start = len(self._names)
        self._number_of.update(zip(new, range(start, start + len(new)), strict=True))
        self._names += new
        self._texts += self._naming.spelled(self.category, new)
        self._kept.update((np.flatnonzero(self._naming.is_kept(self.category, new)) + start).tolist())
        implied = [self._naming.implied(self.category, name) if self._implied != "keep" else () for name in new]
        every = list(dict.fromkeys(name for found in implied for name in found))
        dropped = {name for name, out in zip(every, self._naming.is_dropped(self.category, every), strict=True) if out}
        self._not_added |= dropped
        self._implied_by += [[]] * len(new)
        self._number([name for name in every if name not in dropped])
        for number, found in enumerate(implied, start):
            self._implied_by[number] = [self._number_of[name] for name in found if name not in dropped]

    def _here(self, targets: Ints) -> Ints:
        """The numbers of all names that the batch may have in the end, ascending."""
        is_here = np.zeros(len(self._names), bool)
        is_here[targets[targets >= 0]] = True
        present = np.flatnonzero(is_here)
        if self._implied != "add":
            return present
        implied = [target for number in present.tolist() for target in self._implied_by[number]]
        return np.union1d(present, np.array(implied, np.int64))

    def _related(self, tags: Tags, numbers: Ints) -> Batch:
        """Add implied tags, or take out implied and less specific ones."""
        names = [self._names[number] for number in numbers.tolist()]
        local_of = {number: local for local, number in enumerate(numbers.tolist())}
        if self._implied != "keep":
            removable = set(local_of) - (self._kept if self._implied == "remove" else set())
            implied = [
                [local_of[target] for target in self._implied_by[number] if target in removable] for number in numbers.tolist()
            ]
            found = Links.of(implied).followed(tags)
            if self._implied == "add":
                more = found.where(~has(tags, found, len(names)))
                before, tags = tags, appended(tags, more)
                _count(self.added, names, _uses(tags, names) - _uses(before, names))
            else:
                tags = self._without(tags, found, names, self.removed)
        if self._drop_less_specific:
            local_of_name = {name: local for local, name in enumerate(names) if numbers[local] not in self._kept}
            endings = [[local_of_name[end] for end in _endings(name) if end in local_of_name] for name in names]
            tags = self._without(tags, Links.of(endings).followed(tags), names, self.less_specific)
        return Batch(tags, names, [self._texts[number] for number in numbers.tolist()])

    @staticmethod
    def _without(tags: Tags, found: Tags, names: Sequence[str], counter: "Counter[str]") -> Tags:
        """The tags that are not among those `found`."""
        stays = ~has(found, tags, len(names))
        _count(counter, names, np.bincount(tags.name[~stays], minlength=len(names)))
        return tags.where(stays)


def _uses(tags: Tags, names: Sequence[str]) -> Ints:
    return np.bincount(tags.name, minlength=len(names))


def _count(counter: "Counter[str]", names: Sequence[str], uses: Ints) -> None:
    for place in np.flatnonzero(uses).tolist():
        counter[names[place]] += int(uses[place])


def _endings(name: str) -> list[str]:
    """What stands behind each underscore of a name: `long_blonde_hair` ends with `blonde_hair` and with `hair`."""
    parts = name.split("_")
    return ["_".join(parts[start:]) for start in range(1, len(parts))]
