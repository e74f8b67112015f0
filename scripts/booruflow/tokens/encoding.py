"""Posts to token ids: a batch at a time in vectorised operations, and a whole posts file into a token file.

A record is: bos, rating, the score bucket if the vocabulary has buckets, then for each category in `SECTION_ORDER` its
section token and its tags, then eos. A delimiter follows each general label, so that a label encoded as pieces stays
one label. Within a section each tag occurs once, in the order of the ids (most frequent first); general labels encoded
as pieces follow those with a token of their own; one `unk` at the end stands for all unknown tags. Labels with equal pieces
(`red_hat`, `red-hat`) are one label: as pieces they say the same.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.progress import progress
from booruflow.core.streams import parallel_map
from booruflow.core.tables import open_table
from booruflow.tags.tag_columns import post_batches, split_tags
from booruflow.tokens.spelling import pieces
from booruflow.tokens.statistics import EncodingCounts, TokenStatistics
from booruflow.tokens.token_file import token_type, token_writer
from booruflow.tokens.vocabulary import RATINGS, SECTION_ORDER, Vocabulary

MINIMUM_LENGTH = 16
"""The lowest `max_length`: nine tokens for bos, rating, score, five sections and eos, and room for a few tags."""

_GENERAL = 1 + SECTION_ORDER.index("general")
_PARTS = len(SECTION_ORDER) + 2
"""The parts of a record: 0 is the head (bos, rating, score), then the sections, last the end (eos)."""

# An item is the start of a part, a tag or a label. Items are sorted by a key of row, part and value. Values: 0 is the start
# of the part, then come the token ids, the spelled labels of the batch, the unknown label, and the unknown tag.
_VALUE_BITS = 32
_PART_BITS = 3

_KEEP_ORDER = ("character", "copyright", "artist", "meta", "general")
"""Which sections a record that is too long keeps first, after the starts of its parts."""
_KEEP_RANK = np.array([0, *(1 + _KEEP_ORDER.index(category) for category in SECTION_ORDER), 0])

Ints = NDArray[np.int64]
Spelling = bytes
"""The ids of a label's pieces as big-endian 32-bit numbers: bytes compare fast, in the order of the ids."""


class Encoded(NamedTuple):
    """A batch of n encoded records: `lengths` (n,) in tokens, and `tokens`, the concatenated records.

    `untruncated` (n,) are the lengths that the records would have without `max_length`.
    """

    lengths: Ints
    untruncated: Ints
    tokens: NDArray[np.unsignedinteger]
    counts: EncodingCounts


class _Lookup(NamedTuple):
    """The values of a column's tags; those at the indices `missing` are undefined."""

    values: Ints
    missing: Ints


class _Items(NamedTuple):
    """The items of a batch in order: the `value` of each, and the offset at which its tokens `end`.

    `starts` (n, `_PARTS`) are the indices of the items that start the parts of each record; `lengths` (n,) in tokens.
    """

    value: Ints
    end: Ints
    starts: Ints
    lengths: Ints


class Encoder:
    """Encodes batches of posts with one vocabulary; thread-safe."""

    def __init__(self, vocabulary: Vocabulary, max_length: int) -> None:
        """`max_length` is the maximum number of tokens of a record, at least `MINIMUM_LENGTH`.

        Raises:
            UserError: `max_length` is too small.
        """
        if max_length < MINIMUM_LENGTH:
            raise UserError(f"max_length {max_length}: too short for a record: set it to {MINIMUM_LENGTH} or more")
        self.vocabulary, self.max_length = vocabulary, max_length
        special = vocabulary.special
        self._type = token_type(len(vocabulary))
        self._starts = np.array([special[role] for role in ("bos", *SECTION_ORDER, "eos")], self._type)
        self._ratings = np.array([special[f"rating:{rating}"] for rating in RATINGS] + [special["unk"]], self._type)
        self._scores = np.array([*vocabulary.score_ids, special["unk"]], self._type)
        self._first_id = {category: min(vocabulary.ids[category].values(), default=0) for category in SECTION_ORDER}
        self._names = {
            category: pa.array([f"{name} " for name in vocabulary.ids[category]], pa.string()) for category in SECTION_ORDER
        }
        self._spelling_of: dict[str, Spelling] = {}
        self._unknown: Spelling = np.array([len(vocabulary)], ">u4").tobytes()

    def encode(self, posts: pa.RecordBatch) -> Encoded:
        """Encode posts, with the columns `SECTION_ORDER` (tag strings), `rating`, and `score` if the vocabulary has buckets.

        A null tag string is an empty one; a null score, and a rating other than g, s, q, e, becomes `unk`.
        """
        counts = EncodingCounts(posts=posts.num_rows)
        columns = {category: split_tags(posts.column(category)) for category in SECTION_ORDER}
        lookups = {category: self._look_up(category, column.tags) for category, column in columns.items()}
        rare_labels = columns["general"].tags.take(lookups["general"].missing).dictionary_encode()
        spelled, spellings = self._spell_labels(rare_labels)
        unknown_tag = len(self.vocabulary) + len(spellings)
        for category, (values, missing) in lookups.items():
            values[missing] = spelled if category == "general" else unknown_tag
            counts.unknown[category] = int(np.count_nonzero(values[missing] >= unknown_tag - 1))

        starts = (np.arange(posts.num_rows)[:, None] << _PART_BITS | np.arange(_PARTS)) << _VALUE_BITS
        tags = [
            np.repeat(starts[:, part], columns[category].counts) | lookups[category].values
            for part, category in enumerate(SECTION_ORDER, start=1)
        ]
        key = np.concatenate([starts.ravel(), *tags])
        key.sort(kind="stable")
        is_first = np.ones(key.size, bool)
        np.not_equal(key[1:], key[:-1], out=is_first[1:])
        if not is_first.all():
            again = key[~is_first]
            counts.repeated_tags = int(np.count_nonzero(_value(again) < unknown_tag - 1))
            again = again[(_value(again) >= len(self.vocabulary)) & (_value(again) < unknown_tag - 1)]
            if again.size:
                rows = np.repeat(np.arange(posts.num_rows), columns["general"].counts)[lookups["general"].missing]
                at = np.flatnonzero(np.isin(rows, _row(again)) & (spelled < unknown_tag - 1))
                counts.merged_labels = _surplus(rows[at], rare_labels.indices.to_numpy()[at], spelled[at])
                counts.repeated_tags -= counts.merged_labels
            key = key[is_first]

        items = self._items(key, spellings)
        untruncated = items.lengths
        if items.lengths.max(initial=0) > self.max_length:
            dropped = self._dropped_items(key, items)
            counts.truncated_posts = int(np.count_nonzero(items.lengths > self.max_length))
            counts.truncated_labels = int(np.count_nonzero(_part(key[dropped]) == _GENERAL))
            counts.truncated_other_tags = dropped.size - counts.truncated_labels
            items = self._items(np.delete(key, dropped), spellings)
        tokens = self._concatenate(items, spellings, posts)
        counts.tokens = tokens.size
        return Encoded(items.lengths, untruncated, tokens, counts)

    def _look_up(self, category: str, tags: pa.StringArray) -> _Lookup:
        """The ids of tags, and which tags have none."""
        index = pc.index_in(tags, value_set=self._names[category]).fill_null(-1).to_numpy()
        return _Lookup(index + np.int64(self._first_id[category]), np.flatnonzero(index < 0))

    def _spell_labels(self, labels: pa.DictionaryArray) -> tuple[Ints, list[Spelling]]:
        """The values of general labels without a token, and the spellings of the batch in the order of their values.

        The last spelling is that of a label of which no piece is known.
        """
        of_label = [self._spelling_of.get(label) or self._spell(label) for label in labels.dictionary.to_pylist()]
        spellings = [*sorted({*of_label} - {self._unknown}), self._unknown]
        value_of = {spelling: value for value, spelling in enumerate(spellings, len(self.vocabulary))}
        values = np.array([value_of[spelling] for spelling in of_label], np.int64)
        return values[labels.indices.to_numpy()], spellings

    def _spell(self, label: str) -> Spelling:
        """Spell a label, which ends with a space; one id past the vocabulary stands for each run of unknown pieces.

        A label that cannot be split is unknown, since it has no token of its own.
        """
        unknown = len(self.vocabulary)
        found = pieces(label[:-1])
        ids = [self.vocabulary.piece_ids.get(piece, unknown) for piece in found] if len(found) > 1 else [unknown]
        merged = [number for number, previous in zip(ids, [-1, *ids], strict=False) if not number == previous == unknown]
        spelling = self._spelling_of[label] = np.array(merged, ">u4").tobytes()
        return spelling

    def _items(self, key: Ints, spellings: list[Spelling]) -> _Items:
        """The items of these keys. A tag is one token, a part starts with one (the head with two or three)."""
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

    def _dropped_items(self, key: Ints, items: _Items) -> Ints:
        """The items to drop from records above `max_length`, which keep what fits in `_KEEP_ORDER`."""
        size = np.diff(items.end, prepend=0)
        at = np.flatnonzero(np.repeat(items.lengths > self.max_length, np.diff(items.starts[:, 0], append=key.size)))
        rank = np.where(items.value[at] == 0, 0, _KEEP_RANK[_part(key[at])])
        at = at[np.argsort(_row(key[at]) << _PART_BITS | rank, kind="stable")]
        ends = np.cumsum(size[at])
        first = np.flatnonzero(np.diff(_row(key[at]), prepend=-1))
        before = np.repeat(ends[first] - size[at[first]], np.diff(first, append=at.size))
        dropped: Ints = at[ends - before > self.max_length]
        return dropped

    def _concatenate(self, items: _Items, spellings: list[Spelling], posts: pa.RecordBatch) -> NDArray[np.unsignedinteger]:
        """The tokens of all items; positions that no item fills are delimiters."""
        special, known = self.vocabulary.special, len(self.vocabulary)
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


def write_tokens(posts: Path, vocabulary: Vocabulary, path: Path, max_length: int, threads: int) -> TokenStatistics:
    """Encode a posts file into a token file and its index; the bytes do not depend on `threads`.

    Raises:
        UserError: the posts cannot be read or are not sorted by id, or a file cannot be written.
    """
    encoder = Encoder(vocabulary, max_length)
    statistics = TokenStatistics(max_length)
    columns = ["id", "rating", *(["score"] if vocabulary.score_ids else []), *SECTION_ORDER]
    records = open_table(posts).metadata.num_rows

    def encode(batch: pa.RecordBatch) -> tuple[Ints, Encoded]:
        return batch.column("id").to_numpy(), encoder.encode(batch)

    with token_writer(path, vocabulary, records) as writer, progress(records, "encoding posts") as bar:
        for post_ids, encoded in parallel_map(encode, post_batches(posts, columns), threads):
            writer.append(post_ids, encoded.lengths, encoded.tokens)
            statistics.add(encoded.counts, encoded.untruncated)
            bar.update(len(post_ids))
    return statistics


def _surplus(rows: Ints, labels: Ints, spelled: Ints) -> int:
    """How many different labels (n,) of the same row have a spelling (n,) that another one has."""
    return np.unique(rows << _VALUE_BITS | labels).size - np.unique(rows << _VALUE_BITS | spelled).size


def _value(key: Ints) -> Ints:
    return key & ((1 << _VALUE_BITS) - 1)


def _part(key: Ints) -> Ints:
    return key >> _VALUE_BITS & ((1 << _PART_BITS) - 1)


def _row(key: Ints) -> Ints:
    return key >> (_VALUE_BITS + _PART_BITS)


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """The concatenated ranges `starts[i], starts[i] + 1, ...` of `lengths[i]` numbers each."""
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) + np.repeat(starts - ends + lengths, lengths)
