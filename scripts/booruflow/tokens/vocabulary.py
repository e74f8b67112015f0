"""The vocabulary: which tags get a token, which id stands for which tag, and the files vocab.txt and vocab.json.

`vocab.txt` has one token a line; the line number, from 0, is the id. `vocab.json` adds the category and count of every
token, the ids of the special tokens by role, and the edges of the score buckets: all that encoding needs. Special
tokens come first, then the categories in `SECTION_ORDER`, each sorted by falling count. So within a category a higher
id is a rarer tag.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import open_whole
from booruflow.core.jobs import WARNING
from booruflow.tokens.settings import edge_errors
from booruflow.tokens.spelling import count_pieces

SECTION_ORDER = ("character", "copyright", "artist", "general", "meta")
"""The tag categories in the order of the sections of a record."""
SPECIAL = "special"
"""The category of tokens that are not tags."""
RATINGS = ("g", "s", "q", "e")
_FORMAT = 1
_PIECE_CATEGORIES = ("general", "character", "copyright")
"""Where a piece of a general label is looked up, in this order: pieces are words, and names of characters and series."""

TagCounts = Mapping[str, Mapping[str, int]]
"""For each category, the count of each name."""


@dataclass(frozen=True, slots=True)
class Token:
    """One entry of the vocabulary; `count` is 0 for special tokens."""

    name: str
    category: str
    count: int


def special_names(score_edges: Sequence[int]) -> dict[str, str]:
    """The special tokens in the order of their ids: role -> text."""
    fixed = {"pad": "<pad>", "bos": "<s>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>", "delimiter": ","}
    sections = {category: f"<{category}>" for category in SECTION_ORDER}
    ratings = {f"rating:{rating}": f"rating:{rating}" for rating in RATINGS}
    bounds = ["", *map(str, score_edges)]
    ends = [*(str(edge - 1) for edge in score_edges), ""] if score_edges else []
    scores = {f"score:{low}..{high}": f"score:{low}..{high}" for low, high in zip(bounds, ends, strict=False)}
    return fixed | sections | ratings | scores


@dataclass(frozen=True)
class Vocabulary:
    """All tokens by id, the special ones first. Built by `build_vocabulary` or read by `read_vocabulary`."""

    tokens: tuple[Token, ...]
    score_edges: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def special(self) -> dict[str, int]:
        """The id of each special token by its role: `pad`, `bos`, `delimiter`, `general`, `rating:g`, ..."""
        return {role: number for number, role in enumerate(special_names(self.score_edges))}

    @cached_property
    def score_ids(self) -> list[int]:
        """The ids of the score buckets, lowest scores first; empty when the vocabulary has none."""
        return [number for role, number in self.special.items() if role.startswith("score:")]

    @cached_property
    def ids(self) -> dict[str, dict[str, int]]:
        """For each category, the id of each name."""
        ids: dict[str, dict[str, int]] = {category: {} for category in (SPECIAL, *SECTION_ORDER)}
        for number, token in enumerate(self.tokens):
            ids[token.category][token.name] = number
        return ids

    @cached_property
    def piece_ids(self) -> dict[str, int]:
        """The id of each name that can be a piece of a general label."""
        return {name: number for category in reversed(_PIECE_CATEGORIES) for name, number in self.ids[category].items()}

    @cached_property
    def texts(self) -> list[str]:
        """The text of each token: its name, or `category:name` when an earlier token has that name."""
        seen: dict[str, None] = {}
        for token in self.tokens:
            seen[f"{token.category}:{token.name}" if token.name in seen else token.name] = None
        if len(seen) != len(self):
            raise UserError("vocabulary: two tokens have the same text: raise min_count of one of their categories")
        return list(seen)

    @cached_property
    def digest(self) -> bytes:
        """The sha256 of `vocab.json`, 32 bytes; a token file holds the digest of its vocabulary."""
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


def select_tags(counts: TagCounts, min_count: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The tags that get a token: those on at least `min_count[category]` posts, and pieces of the other labels.

    A piece becomes a general token when it occurs at least `min_count["general"]` times in labels without a token
    (plus its own posts as a label), unless a general, character or copyright token has its name.
    """
    selected = {category: at_least(counts[category], min_count[category]) for category in SECTION_ORDER}
    rare = {label: count for label, count in counts["general"].items() if label not in selected["general"]}
    piece_counts = {
        piece: count + rare.get(piece, 0)
        for piece, count in count_pieces(rare).items()
        if not any(piece in selected[category] for category in _PIECE_CATEGORIES)
    }
    selected["general"] |= at_least(piece_counts, min_count["general"])
    return selected


def at_least(counts: Mapping[str, int], minimum: int) -> dict[str, int]:
    """The entries whose count is `minimum` or more."""
    return {name: count for name, count in counts.items() if count >= minimum}


def threshold_for_size(counts: TagCounts, size: int, score_edges: Sequence[int] = ()) -> int:
    """The lowest threshold, the same for all categories, with which the vocabulary has at most `size` tokens.

    Found by bisection over the counts that occur.

    Raises:
        UserError: there are more than `size` special tokens.
    """
    room = size - len(special_names(score_edges))
    if room < 0:
        raise UserError(f"vocabulary size {size}: {size - room} special tokens do not fit: raise vocabulary_size")
    candidates = sorted({1, *(count + 1 for names in counts.values() for count in names.values())})

    def tokens(threshold: int) -> int:
        return sum(map(len, select_tags(counts, dict.fromkeys(SECTION_ORDER, threshold)).values()))

    low, high = -1, len(candidates) - 1  # no label reaches the last candidate, but a frequent piece may
    while tokens(candidates[high]) > room:
        candidates.append(candidates[-1] * 2)
        high += 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tokens(candidates[middle]) <= room else (middle, high)
    return candidates[high]


def build_vocabulary(tags: TagCounts, score_edges: Sequence[int] = ()) -> Vocabulary:
    """The vocabulary of these tags.

    `score_edges` ascend: one bucket for scores below the first, and one from each edge to the next; no edges, no buckets.

    Raises:
        UserError: the score edges do not ascend.
    """
    for line in edge_errors(score_edges):
        raise UserError(line)
    special = [Token(text, SPECIAL, 0) for text in special_names(score_edges).values()]
    ranked = (
        Token(name, category, count)
        for category in SECTION_ORDER
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
        UserError: the file is missing, damaged, or was not written by `write_vocabulary`.
    """
    remedy = "run the rule vocab"
    try:
        data = json.loads(json_path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{json_path}: no such file: {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{json_path}: damaged ({error}): {remedy} again") from error
    try:
        tokens = tuple(Token(entry["name"], entry["category"], entry["count"]) for entry in data["tokens"])
        vocabulary = Vocabulary(tokens, tuple(data["score_edges"]))
        valid = data["format"] == _FORMAT and data["special"] == vocabulary.special and _is_ordered(vocabulary)
    except (KeyError, TypeError) as error:
        raise UserError(f"{json_path}: not a vocabulary ({error!r}): {remedy} again") from error
    if not valid:
        raise UserError(f"{json_path}: of another format, or edited: {remedy} again")
    return vocabulary


def _is_ordered(vocabulary: Vocabulary) -> bool:
    special = list(special_names(vocabulary.score_edges).values())
    blocks = [category for category, _ in groupby(vocabulary.tokens, key=lambda token: token.category)]
    rank = {category: number for number, category in enumerate((SPECIAL, *SECTION_ORDER))}
    return list(vocabulary.ids[SPECIAL]) == special and blocks == sorted(blocks, key=rank.__getitem__)


def summary_lines(vocabulary: Vocabulary, min_count: Mapping[str, int]) -> Iterator[str]:
    """What a vocabulary of tags with at least so many posts, by category, holds; and a warning if that is no tag."""
    if len(vocabulary) == len(vocabulary.special):
        yield f"{WARNING}the vocabulary holds no tag, since none is on so many posts: lower tokens.min_count in config.yaml"
    least = ", ".join(f"{count} ({category})" for category, count in min_count.items())
    yield f"{counted_noun(len(vocabulary), 'token')} in the vocabulary; posts that a tag needs: {least}"
