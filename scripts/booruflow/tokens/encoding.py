"""From a batch of posts to their token ids, in whole arrays.

A record is: bos, rating, the score bucket where the vocabulary has any, then for each category in the order of
`CATEGORIES` its section token and its tags, then eos. Each general label ends with the delimiter, so that a label
that is spelled in pieces stays one label. Within a section each tag stands once, the commonest first (by id); general
labels spelled in pieces follow those with a token of their own; `unk` comes last and stands for all that is unknown.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.tokens import CATEGORIES
from booruflow.tokens.binary import token_type
from booruflow.tokens.columns import split_tags
from booruflow.tokens.labels import pieces
from booruflow.tokens.vocabulary import RATINGS, Vocabulary

MINIMUM_LENGTH = 16
"""The least `max_length`: bos, rating, score, five sections and eos are nine; a few tags should fit too."""

_GENERAL = 1 + CATEGORIES.index("general")
_PARTS = len(CATEGORIES) + 2
"""Parts of a record by number: 0 the head (bos, rating, score), then the sections, last the end."""

# An item is the start of a part, a tag or a label. Its key sorts it into its place: row, part, value. Values: 0 is the
# start of the part, then the ids of whole tags, the batch's spelled labels, the unknown label, the unknown tag.
_VALUE_BITS = 32
_PART_BITS = 3

_KEPT = ("character", "copyright", "artist", "meta", "general")
"""What a record that is too long keeps, first to last, after the starts of its parts."""
_KEEP_RANK = np.array([0, *(1 + _KEPT.index(category) for category in CATEGORIES), 0])

Ints = NDArray[np.int64]

Spelling = bytes
"""The ids of a label's pieces as big-endian 32-bit numbers: in the order of the ids, and quickly compared."""


@dataclass(slots=True)
class Tally:
    """What encoding met. Counts of posts, tokens, and tags; `unknown` by category, as they stand in the posts.

    `repeated_tags` are tags that stood in a post already. The `truncated_*` were dropped from posts that were too long.
    """

    posts: int = 0
    tokens: int = 0
    repeated_tags: int = 0
    truncated_posts: int = 0
    truncated_labels: int = 0
    truncated_other_tags: int = 0
    unknown: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CATEGORIES, 0))

    def add(self, other: "Tally") -> None:
        """Add the counts of another batch."""
        self.posts += other.posts
        self.tokens += other.tokens
        self.repeated_tags += other.repeated_tags
        self.truncated_posts += other.truncated_posts
        self.truncated_labels += other.truncated_labels
        self.truncated_other_tags += other.truncated_other_tags
        for category in CATEGORIES:
            self.unknown[category] += other.unknown[category]


class Encoded(NamedTuple):
    """A batch of n records: `lengths` (n,) in tokens, `tokens` all of them one after the other.

    `untruncated` (n,) are the lengths that the records would have without `max_length`.
    """

    lengths: Ints
    untruncated: Ints
    tokens: NDArray[np.unsignedinteger]
    tally: Tally


class _Whole(NamedTuple):
    """The values of a column's tags; those at `missing` are undefined."""

    values: Ints
    missing: Ints


class _Items(NamedTuple):
    """The items of a batch in their order: `value`, and where the tokens of each end.

    `starts` (n, `_PARTS`) are the items that start the parts of each record; `lengths` (n,) the tokens of each record.
    """

    value: Ints
    end: Ints
    starts: Ints
    lengths: Ints


class Encoder:
    """Encodes batches of posts with one vocabulary; threads may share it."""

    def __init__(self, vocabulary: Vocabulary, max_length: int) -> None:
        """`max_length` is the most tokens that a record may have, at least `MINIMUM_LENGTH`.

        Raises:
            UserError: `max_length` is too small.
        """
        if max_length < MINIMUM_LENGTH:
            raise UserError(f"max_length {max_length}: too short for a record: set it to {MINIMUM_LENGTH} or more")
        self.vocabulary = vocabulary
        self.max_length = max_length
        special = vocabulary.special
        self._type = token_type(len(vocabulary))
        self._starts = np.array([special[role] for role in ("bos", *CATEGORIES, "eos")], self._type)
        self._ratings = np.array([special[f"rating:{rating}"] for rating in RATINGS] + [special["unk"]], self._type)
        self._scores = np.array([*vocabulary.score_ids, special["unk"]], self._type)
        self._first_id = {category: min(vocabulary.ids[category].values(), default=0) for category in CATEGORIES}
        self._names = {
            category: pa.array([f"{name} " for name in vocabulary.ids[category]], pa.string()) for category in CATEGORIES
        }
        self._spelling_of: dict[str, Spelling] = {}
        self._unknown: Spelling = np.array([len(vocabulary)], ">u4").tobytes()

    def encode(self, posts: pa.RecordBatch) -> Encoded:
        """Encode posts: columns of `CATEGORIES` (tag strings), `rating`, and `score` where the vocabulary has buckets.

        Null is an empty tag string; a null score, and a rating other than g, s, q, e, becomes `unk`.
        """
        tally = Tally(posts=posts.num_rows)
        columns = {category: split_tags(posts.column(category)) for category in CATEGORIES}
        whole = {category: self._whole(category, column.tags) for category, column in columns.items()}
        spelled, spellings = self._spelled(columns["general"].tags.take(whole["general"].missing))
        unknown_tag = len(self.vocabulary) + len(spellings)
        for category, (values, missing) in whole.items():
            values[missing] = spelled if category == "general" else unknown_tag
            tally.unknown[category] = int(np.count_nonzero(values[missing] >= unknown_tag - 1))

        starts = (np.arange(posts.num_rows)[:, None] << _PART_BITS | np.arange(_PARTS)) << _VALUE_BITS
        tags = [
            np.repeat(starts[:, part], columns[category].counts) | whole[category].values
            for part, category in enumerate(CATEGORIES, start=1)
        ]
        key = np.concatenate([starts.ravel(), *tags])
        key.sort(kind="stable")
        new = np.ones(key.size, bool)
        np.not_equal(key[1:], key[:-1], out=new[1:])
        if not new.all():
            tally.repeated_tags = int(np.count_nonzero(_value(key[~new]) < unknown_tag - 1))
            key = key[new]

        items = self._items(key, spellings)
        untruncated = items.lengths
        if items.lengths.max(initial=0) > self.max_length:
            dropped = self._overflow(key, items)
            tally.truncated_posts = int(np.count_nonzero(items.lengths > self.max_length))
            tally.truncated_labels = int(np.count_nonzero(_part(key[dropped]) == _GENERAL))
            tally.truncated_other_tags = dropped.size - tally.truncated_labels
            items = self._items(np.delete(key, dropped), spellings)
        tokens = self._laid_out(items, spellings, posts)
        tally.tokens = tokens.size
        return Encoded(items.lengths, untruncated, tokens, tally)

    def _whole(self, category: str, tags: pa.StringArray) -> _Whole:
        """The ids of tags, and which of them have none."""
        index = pc.index_in(tags, value_set=self._names[category]).fill_null(-1).to_numpy()
        return _Whole(index + np.int64(self._first_id[category]), np.flatnonzero(index < 0))

    def _spelled(self, labels: pa.StringArray) -> tuple[Ints, list[Spelling]]:
        """The values of general labels that have no token; and the batch's spellings in the order of their values.

        The last spelling is that of a label of which nothing is known.
        """
        distinct = labels.dictionary_encode()
        of_label = [self._spelling_of.get(label) or self._spell(label) for label in distinct.dictionary.to_pylist()]
        spellings = [*sorted({*of_label} - {self._unknown}), self._unknown]
        value_of = {spelling: value for value, spelling in enumerate(spellings, len(self.vocabulary))}
        values = np.array([value_of[spelling] for spelling in of_label], np.int64)
        return values[distinct.indices.to_numpy()], spellings

    def _spell(self, label: str) -> Spelling:
        """Spell a label that has a space behind it, with one id past the vocabulary for each run of unknown pieces.

        A label that cannot be split is unknown: it would have a token otherwise.
        """
        unknown = len(self.vocabulary)
        spelled = pieces(label[:-1])
        ids = [self.vocabulary.piece_ids.get(piece, unknown) for piece in spelled] if len(spelled) > 1 else [unknown]
        kept = [i for i, last in zip(ids, [-1, *ids], strict=False) if not i == last == unknown]
        spelling = self._spelling_of[label] = np.array(kept, ">u4").tobytes()
        return spelling

    def _items(self, key: Ints, spellings: list[Spelling]) -> _Items:
        """Take keys apart. A part starts with one token (the head has two or three), a tag is one; a label is closed."""
        value = _value(key)
        starts = np.flatnonzero(value == 0).reshape(-1, _PARTS)
        general = self.vocabulary.ids["general"]
        sizes = np.ones(len(self.vocabulary) + len(spellings) + 1, np.int32)
        sizes[self._first_id["general"] :][: len(general)] = 2
        sizes[len(self.vocabulary) : -1] = [len(spelling) // 4 + 1 for spelling in spellings]
        size = sizes[value]
        size[starts[:, 0]] = 3 if self.vocabulary.score_ids else 2
        end = np.cumsum(size, dtype=np.int64)
        return _Items(value, end, starts, np.diff(end[starts[:, -1]], prepend=0))

    def _overflow(self, key: Ints, items: _Items) -> Ints:
        """Which items go so that every record fits: each long one keeps what fits, in the order of `_KEPT`."""
        size = np.diff(items.end, prepend=0)
        at = np.flatnonzero(np.repeat(items.lengths > self.max_length, np.diff(items.starts[:, 0], append=key.size)))
        rank = np.where(items.value[at] == 0, 0, _KEEP_RANK[_part(key[at])])
        at = at[np.argsort(_row(key[at]) << _PART_BITS | rank, kind="stable")]
        ends = np.cumsum(size[at])
        first = np.flatnonzero(np.diff(_row(key[at]), prepend=-1))
        before = np.repeat(ends[first] - size[at[first]], np.diff(first, append=at.size))
        dropped: Ints = at[ends - before > self.max_length]
        return dropped

    def _laid_out(self, items: _Items, spellings: list[Spelling], posts: pa.RecordBatch) -> NDArray[np.unsignedinteger]:
        """Put each item's tokens in their place; what no item fills is a delimiter."""
        special = self.vocabulary.special
        known = len(self.vocabulary)
        tokens = np.full(items.lengths.sum(), special["delimiter"], self._type)
        position = np.zeros_like(items.end)
        position[1:] = items.end[:-1]
        token_of = np.arange(known + len(spellings) + 1).astype(self._type)
        token_of[known:] = special["unk"]
        tokens[position] = token_of[items.value]
        starts = position[items.starts]
        tokens[starts] = self._starts
        rating = pc.index_in(posts.column("rating"), value_set=pa.array(RATINGS)).fill_null(len(RATINGS))
        tokens[starts[:, 0] + 1] = self._ratings[rating.to_numpy()]
        if self.vocabulary.score_ids:
            tokens[starts[:, 0] + 2] = self._score_tokens(posts.column("score"))
        if len(spellings) > 1:
            at = np.flatnonzero((items.value >= known) & (items.value < known + len(spellings)))
            spelled = b"".join(spellings[rank] for rank in (items.value[at] - known).tolist())
            tokens[ranges(position[at], items.end[at] - position[at] - 1)] = token_of[np.frombuffer(spelled, ">u4")]
        return tokens

    def _score_tokens(self, scores: pa.Array) -> NDArray[np.unsignedinteger]:
        buckets: Ints = np.searchsorted(self.vocabulary.score_edges, scores.fill_null(0).to_numpy(), side="right")
        buckets[scores.is_null().to_numpy(zero_copy_only=False)] = len(self._scores) - 1
        return self._scores[buckets]


def _value(key: Ints) -> Ints:
    return key & ((1 << _VALUE_BITS) - 1)


def _part(key: Ints) -> Ints:
    return key >> _VALUE_BITS & ((1 << _PART_BITS) - 1)


def _row(key: Ints) -> Ints:
    return key >> (_VALUE_BITS + _PART_BITS)


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """`starts[0], starts[0] + 1, ...`, each for its length, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) + np.repeat(starts - ends + lengths, lengths)
