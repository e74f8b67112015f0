"""Tag sets as flat arrays, their vocabulary, and how they are read from a token file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.tokens.token_file import TokenFile
from booruflow.tokens.vocabulary import SECTION_ORDER, SPECIAL, Vocabulary, read_vocabulary

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

HEAD_CATEGORIES = ("rating", "score")
"""What the model takes from the head of a record, as categories."""
POSTS_PER_PART = 2**18
"""Posts that are read from a token file at a time."""


@dataclass(frozen=True)
class TagVocabulary:
    """The tags that a model knows. A tag's id is its index in `names`."""

    names: tuple[str, ...]
    category: Integers
    """[tags] Index into `categories` of each tag."""
    categories: tuple[str, ...]
    counts: Integers
    """[tags] The number of sets that have each tag."""

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each name."""
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def is_tag(self) -> Booleans:
        """[tags] False for tokens of the category `special`, which structure a record; no set has them."""
        return np.array([self.categories[category] != SPECIAL for category in self.category], bool)

    @cached_property
    def is_content(self) -> Booleans:
        """[tags] False also for ratings and score buckets: every post has one, so finding it says nothing of its tags."""
        outside = [category in (SPECIAL, *HEAD_CATEGORIES) for category in self.categories]
        return ~np.array(outside, bool)[self.category]

    def tags_among(self, ids: Iterable[int]) -> list[int]:
        """The distinct tags among the token ids of a record, ascending: the input of a model."""
        return sorted({int(number) for number in ids if self.is_tag[number]})


@dataclass(frozen=True)
class TagSets:
    """Many tag sets, concatenated."""

    tokens: NDArray[Any]
    """[all tags] Tag ids, each at most once in a set."""
    offsets: Integers
    """[sets + 1] Set i is `tokens[offsets[i]:offsets[i + 1]]`."""
    ids: NDArray[Any]
    """[sets] The post id, or another name, of each set."""
    groups: NDArray[Any]
    """[sets] Sets of the same group get into the same split."""
    vocabulary: TagVocabulary

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> Integers:
        """[sets] The number of tags of each set."""
        return np.diff(self.offsets)

    @property
    def content_sizes(self) -> Integers:
        """[sets] The number of tags of each set without its rating and score bucket."""
        counts = np.concatenate([[0], np.cumsum(self.vocabulary.is_content[self.tokens], dtype=np.int64)])
        return np.diff(counts[self.offsets])

    @property
    def rows(self) -> Integers:
        """[all tags] The index of the set of each tag."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def take(self, chosen: Integers | Booleans | slice) -> "TagSets":
        """The chosen sets, in the order of `chosen`."""
        indices: NDArray[Any]
        if isinstance(chosen, slice):
            indices = np.arange(*chosen.indices(len(self)))
        else:
            indices = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        sizes = self.offsets[indices + 1] - self.offsets[indices]
        offsets = offsets_of(sizes)
        positions = np.arange(offsets[-1]) + np.repeat(self.offsets[indices] - offsets[:-1], sizes)
        return TagSets(self.tokens[positions], offsets, self.ids[indices], self.groups[indices], self.vocabulary)

    def filter_tags(self, kept: Booleans) -> "TagSets":
        """The same sets with only the tags where `kept` ([all tags]) is true; sets may become empty."""
        sizes = np.bincount(self.rows[kept], minlength=len(self))
        return replace(self, tokens=self.tokens[kept], offsets=offsets_of(sizes))

    def matrix(self) -> sparse.csr_array:
        """[sets, tags] 1 where a set has a tag (float32)."""
        ones = np.ones(len(self.tokens), np.float32)
        return sparse.csr_array((ones, self.tokens, self.offsets), shape=(len(self), len(self.vocabulary)))

    def count(self) -> Integers:
        """[tags] The number of these sets that have each tag."""
        counts = np.zeros(len(self.vocabulary), np.int64)
        for start in range(0, len(self.tokens), 2**24):
            counts += np.bincount(self.tokens[start : start + 2**24], minlength=len(counts))
        return counts

    def with_counts(self) -> "TagSets":
        """The same sets, with a vocabulary whose counts are those of these sets."""
        return self.with_vocabulary(replace(self.vocabulary, counts=self.count()))

    def with_vocabulary(self, vocabulary: TagVocabulary) -> "TagSets":
        """The same sets with a vocabulary that has the same ids."""
        return replace(self, vocabulary=vocabulary)


def offsets_of(sizes: NDArray[Any]) -> Integers:
    """[n + 1] The start of each of n consecutive runs of the given sizes, and the end of the last."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def concatenate(parts: Sequence[TagSets]) -> TagSets:
    """The sets of one or more parts, with the vocabulary of the first."""
    return TagSets(
        np.concatenate([part.tokens for part in parts]),
        offsets_of(np.concatenate([part.sizes for part in parts])),
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.groups for part in parts]),
        parts[0].vocabulary,
    )


def tag_vocabulary(vocabulary: Vocabulary) -> TagVocabulary:
    """The vocabulary of a token file with the same ids, and with ratings and score buckets as categories.

    All other special tokens are in the category `special`.
    """
    category = [token.category for token in vocabulary.tokens]
    for role, number in vocabulary.special.items():
        if (head := role.split(":")[0]) in HEAD_CATEGORIES:
            category[number] = head
    categories = tuple(name for name in (SPECIAL, *HEAD_CATEGORIES, *SECTION_ORDER) if name in category)
    indices = np.array([categories.index(name) for name in category], np.int64)
    counts = np.array([token.count for token in vocabulary.tokens])
    return TagVocabulary(tuple(vocabulary.texts), indices, categories, counts)


def open_token_file(tokens: str | Path, vocabulary: str | Path, expected: TagVocabulary | None = None) -> TokenFile:
    """Open `tokens.bin` with its `vocab.json`.

    Raises:
        UserError: a file is missing or damaged, or its names are not those of `expected`, the vocabulary of a model.
    """
    known = read_vocabulary(Path(vocabulary))
    if expected is not None and expected.names != tuple(known.texts):
        raise UserError(f"{vocabulary}: not the vocabulary that the model was trained with: train the model again")
    return TokenFile(Path(tokens), known)


def post_sets(file: TokenFile) -> Iterator[TagSets]:
    """The tag sets of all posts of a token file, in its order, `POSTS_PER_PART` at a time.

    A set has the post's rating, its score bucket if the vocabulary has buckets, its tags, and the pieces of labels
    that are encoded as pieces; each once.
    """
    vocabulary = tag_vocabulary(file.vocabulary)
    for start in range(0, len(file), POSTS_PER_PART):
        offsets = file.offsets[start : start + POSTS_PER_PART + 1].astype(np.int64)
        tokens = file.tokens[offsets[0] : offsets[-1]]
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        kept = vocabulary.is_tag[tokens]
        keys = np.unique(rows[kept] << 32 | tokens[kept])
        ids = np.array(file.post_ids[start : start + POSTS_PER_PART])
        sizes = np.bincount(keys >> 32, minlength=len(ids))
        yield TagSets((keys & 0xFFFFFFFF).astype(tokens.dtype), offsets_of(sizes), ids, ids, vocabulary)


def write_tags(path: Path, vocabulary: TagVocabulary) -> None:
    """Write tags.tsv: id, name, category and count of each tag.

    Raises:
        UserError: the file cannot be written.
    """
    with open_whole(path) as file:
        file.write(b"id\tname\tcategory\tcount\n")
        columns = zip(vocabulary.names, vocabulary.category, vocabulary.counts, strict=True)
        for number, (name, category, count) in enumerate(columns):
            file.write(f"{number}\t{name}\t{vocabulary.categories[category]}\t{count}\n".encode())


def read_tags(path: Path) -> tuple[list[str], list[str], list[int]]:
    """The names, categories and counts of the tags of tags.tsv, by id.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        rows = [(name, category, int(count)) for _, name, category, count in (line.split("\t") for line in lines[1:])]
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: missing: train the model with `snakemake tag_model`, or name the folder of a trained one"
        ) from error
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error}): train the model again") from error
    names, categories, counts = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return names, categories, counts
