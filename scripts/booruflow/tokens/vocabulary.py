"""The vocabulary: which id stands for which tag of which category, and the two files that keep it.

`vocab.txt` has one token a line; the line number, from 0, is the id. `vocab.json` says the same with the category and
count of every token, the special tokens by name, and the edges of the score buckets: all that encoding needs.
Special tokens come first, then the categories in the order of a record, each with its commonest tag first. So
within a category a higher id is a rarer tag.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.tokens import CATEGORIES

SPECIAL = "special"
"""The category of a token that is no tag."""

RATINGS = ("g", "s", "q", "e")
_FORMAT = 1
_SPELLING_CATEGORIES = ("general", "character", "copyright")
"""Where a piece of a general label is looked up: pieces are words, and names of characters and series."""


@dataclass(frozen=True, slots=True)
class Token:
    """One entry of the vocabulary; `count` is 0 for special tokens."""

    name: str
    category: str
    count: int


def special_names(score_edges: Sequence[int]) -> dict[str, str]:
    """The special tokens in the order of their ids: what each is for, and how it is written."""
    fixed = {"pad": "<pad>", "bos": "<s>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>", "delimiter": ","}
    sections = {category: f"<{category}>" for category in CATEGORIES}
    ratings = {f"rating:{rating}": f"rating:{rating}" for rating in RATINGS}
    bounds = ["", *map(str, score_edges)]
    ends = [*(str(edge - 1) for edge in score_edges), ""] if score_edges else []
    scores = {f"score:{low}..{high}": f"score:{low}..{high}" for low, high in zip(bounds, ends, strict=False)}
    return fixed | sections | ratings | scores


@dataclass(frozen=True)
class Vocabulary:
    """All tokens by id, the special ones first. Make one with `vocabulary_of` or read one with `read_vocabulary`."""

    tokens: tuple[Token, ...]
    score_edges: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def special(self) -> dict[str, int]:
        """The id of each special token by what it is for: `pad`, `bos`, `delimiter`, `general`, `rating:g`, ..."""
        return {role: number for number, role in enumerate(special_names(self.score_edges))}

    @cached_property
    def score_ids(self) -> list[int]:
        """The ids of the score buckets, lowest scores first; empty when the vocabulary has none."""
        return [number for role, number in self.special.items() if role.startswith("score:")]

    @cached_property
    def ids(self) -> dict[str, dict[str, int]]:
        """For each category, the id of each name."""
        ids: dict[str, dict[str, int]] = {category: {} for category in (SPECIAL, *CATEGORIES)}
        for number, token in enumerate(self.tokens):
            ids[token.category][token.name] = number
        return ids

    @cached_property
    def piece_ids(self) -> dict[str, int]:
        """The id of each name that may help to spell a general label."""
        return {name: number for category in reversed(_SPELLING_CATEGORIES) for name, number in self.ids[category].items()}

    @cached_property
    def texts(self) -> list[str]:
        """How each token is written: its name, or `category:name` when an earlier token has that name."""
        taken: dict[str, None] = {}
        for token in self.tokens:
            taken[f"{token.category}:{token.name}" if token.name in taken else token.name] = None
        if len(taken) != len(self):
            raise UserError("vocabulary: two tokens are written alike: raise the threshold of one of their categories")
        return list(taken)

    @cached_property
    def digest(self) -> bytes:
        """The sha256 of `vocab.json`, 32 bytes: tells whether a token file was made with this vocabulary."""
        return hashlib.sha256(self.to_json()).digest()

    def to_json(self) -> bytes:
        """`vocab.json`, one token a line."""
        quoted = json.JSONEncoder(ensure_ascii=False).encode
        entries = ",\n".join(
            f'{{"id": {number}, "name": {quoted(token.name)}, "category": "{token.category}", "count": {token.count}}}'
            for number, token in enumerate(self.tokens)
        )
        head = {"format": _FORMAT, "score_edges": self.score_edges, "special": self.special}
        return (json.dumps(head)[:-1] + f', "tokens": [\n{entries}\n]}}\n').encode()


def vocabulary_of(tags: Mapping[str, Mapping[str, int]], score_edges: Sequence[int] = ()) -> Vocabulary:
    """The vocabulary that holds these tags: for each category, the count of each name.

    `score_edges` ascend: scores below the first are one bucket, from each edge to the next another; none, no buckets.

    Raises:
        UserError: the score edges do not ascend.
    """
    if any(low >= high for low, high in pairwise(score_edges)):
        raise UserError(f"score_edges {list(score_edges)}: must ascend: put them in order, each once")
    special = [Token(text, SPECIAL, 0) for text in special_names(score_edges).values()]
    ranked = (
        Token(name, category, count)
        for category in CATEGORIES
        for name, count in sorted(tags[category].items(), key=lambda item: (-item[1], item[0]))
    )
    return Vocabulary((*special, *ranked), tuple(score_edges))


def write_vocabulary(vocabulary: Vocabulary, text_path: Path, json_path: Path) -> None:
    """Write `vocab.txt` and `vocab.json`.

    Raises:
        UserError: a file cannot be written.
    """
    with open_whole(text_path) as file:
        file.write("".join(f"{text}\n" for text in vocabulary.texts).encode())
    with open_whole(json_path) as file:
        file.write(vocabulary.to_json())


def read_vocabulary(json_path: Path) -> Vocabulary:
    """Read `vocab.json`.

    Raises:
        UserError: the file is missing, damaged, or not one that `write_vocabulary` wrote.
    """
    try:
        data = json.loads(json_path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{json_path}: no such file: make the vocabulary first") from error
    except ValueError as error:
        raise UserError(f"{json_path}: damaged ({error}): make the vocabulary again") from error
    try:
        tokens = tuple(Token(entry["name"], entry["category"], entry["count"]) for entry in data["tokens"])
        vocabulary = Vocabulary(tokens, tuple(data["score_edges"]))
        whole = data["format"] == _FORMAT and data["special"] == vocabulary.special and _in_order(vocabulary)
    except (KeyError, TypeError) as error:
        raise UserError(f"{json_path}: not a vocabulary ({error!r}): make the vocabulary again") from error
    if not whole:
        raise UserError(f"{json_path}: of another format or edited: make the vocabulary again")
    return vocabulary


def _in_order(vocabulary: Vocabulary) -> bool:
    special = list(special_names(vocabulary.score_edges).values())
    blocks = [category for category, _ in groupby(vocabulary.tokens, key=lambda token: token.category)]
    rank = {category: number for number, category in enumerate((SPECIAL, *CATEGORIES))}
    return list(vocabulary.ids[SPECIAL]) == special and blocks == sorted(blocks, key=rank.__getitem__)
