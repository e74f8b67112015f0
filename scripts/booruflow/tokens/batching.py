"""The records of a batch: gathered from the file, their tags shuffled, padded; each step is one compiled pass.

A batch is a flat array of the concatenated records, and their lengths. `SPARE` unused tokens follow the last record,
because `shuffle_tags` copies four tokens at a time.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from booruflow.tokens.token_file import Tokens
from booruflow.tokens.vocabulary import SECTION_ORDER, Vocabulary

SPARE = 3
_ONE = np.uint64(1)
_MULTIPLIER, _INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)
"""The linear congruential generator of MMIX (Knuth), which draws the permutations."""


def delimiter_ids(vocabulary: Vocabulary) -> tuple[np.uint32, np.uint32, np.uint32]:
    """The ids that `shuffle_tags` needs: delimiter, first section token (the others follow it), general section."""
    special = vocabulary.special
    return np.uint32(special["delimiter"]), np.uint32(special[SECTION_ORDER[0]]), np.uint32(special["general"])


@numba.vectorize(["uint64(uint64)"], cache=True)  # type: ignore[untyped-decorator]
def splitmix64(value: np.uint64) -> np.uint64:
    """A hash of a 64-bit value: the output function of SplitMix64 (Steele, Lea and Flood 2014)."""
    mixed = value + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def gather(tokens: Tokens, offsets: NDArray[np.uint64], records: NDArray[np.uint32]) -> tuple[Tokens, NDArray[np.int64]]:
    """The concatenated records with the indices `records` (n,), followed by `SPARE` tokens, and their lengths (n,).

    Raises:
        ValueError: the offsets are damaged: a record would be empty or outside the tokens.
    """
    lengths = np.empty(len(records), np.int64)
    for row in range(len(records)):
        start, end = offsets[records[row]], offsets[records[row] + 1]
        if start >= end or end > np.uint64(tokens.size):
            raise ValueError("the index points outside the tokens: run the rule tokens again")
        lengths[row] = end - start
    flat = np.empty(lengths.sum() + SPARE, tokens.dtype)
    at = 0
    for row in range(len(records)):
        start, length = np.int64(offsets[records[row]]), lengths[row]
        record, copy = tokens[start : start + length], flat[at : at + length]
        for k in range(length):
            copy[k] = record[k]
        at += length
    return flat, lengths


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def shuffle_tags(
    flat: Tokens,
    lengths: NDArray[np.int64],
    post_ids: NDArray[np.int64],
    seed: int,
    epoch: int,
    delimiters: tuple[np.uint32, np.uint32, np.uint32],
) -> Tokens:
    """Shuffle the tags within each section of each record; the head keeps its place, and labels are not split.

    All orders are equally likely (Fisher and Yates). The loops over labels avoid branches that depend on the tags: a
    mispredicted branch costs more than the work it would save.

    Args:
        flat: from `gather`; the result has the same layout.
        lengths: (n,), the tokens of each record.
        post_ids: (n,), of the records. The order of a post depends on its id, the seed and the epoch only.
        seed: any integer.
        epoch: any integer.
        delimiters: from `delimiter_ids`.
    """
    delimiter, first_section, general = delimiters
    result = np.empty_like(flat)
    ends = np.empty(lengths.max() + 1, np.uint64)
    labels = np.empty(len(ends), np.uint64)  # start in the low 32 bits, end in the high 32 bits
    key = splitmix64(splitmix64(np.uint64(seed)) ^ np.uint64(epoch))
    at = np.uint64(0)
    for row in range(len(lengths)):
        state = splitmix64(np.uint64(post_ids[row]) ^ key)
        eos = at + np.uint64(lengths[row] - 1)
        while at < eos and not _is_section(flat[at], first_section):
            result[at] = flat[at]
            at += _ONE
        while at < eos:
            is_general = flat[at] == general
            result[at] = flat[at]
            at += _ONE
            place = at
            if is_general:
                count = np.uint64(0)
                ends[0] = at
                while at < eos and not _is_section(flat[at], first_section):
                    at += _ONE
                    ends[count + _ONE] = at
                    count += np.uint64(flat[at - _ONE] == delimiter)
                for k in range(count):
                    labels[k] = ends[k + _ONE] << np.uint64(32) | ends[k]
                while count > np.uint64(0):
                    chosen = _draw(state, count)
                    state = state * _MULTIPLIER + _INCREMENT
                    label = labels[chosen]
                    count -= _ONE
                    labels[chosen] = labels[count]
                    first, size = label & np.uint64(0xFFFFFFFF), (label >> np.uint64(32)) - (label & np.uint64(0xFFFFFFFF))
                    one, two = flat[first], flat[first + _ONE]
                    three, four = flat[first + np.uint64(2)], flat[first + np.uint64(3)]
                    result[place], result[place + _ONE] = one, two
                    result[place + np.uint64(2)], result[place + np.uint64(3)] = three, four
                    for k in range(np.uint64(4), size):
                        result[place + k] = flat[first + k]
                    place += size
            else:
                while at < eos and not _is_section(flat[at], first_section):
                    result[at] = flat[at]
                    at += _ONE
                for left in range(at - place, _ONE, -1):
                    chosen = place + _draw(state, np.uint64(left))
                    state = state * _MULTIPLIER + _INCREMENT
                    last = place + np.uint64(left) - _ONE
                    result[chosen], result[last] = result[last], result[chosen]
        result[at] = flat[at]
        at += _ONE
    return result


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pad(flat: Tokens, lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids of the batch and its attention mask, (n, longest) each. After the end of a record both are 0, the id of pad."""
    longest = lengths.max()
    ids = np.empty((len(lengths), longest), np.int64)
    mask = np.empty((len(lengths), longest), np.int64)
    at = 0
    for row in range(len(lengths)):
        length = lengths[row]
        record, its_ids, its_mask = flat[at : at + length], ids[row], mask[row]
        for k in range(length):
            its_ids[k] = record[k]
        its_ids[length:] = 0
        its_mask[:length] = 1
        its_mask[length:] = 0
        at += length
    return ids, mask


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _is_section(token: np.uint32, first_section: np.uint32) -> np.bool_:
    return np.uint32(token) - first_section < np.uint32(len(SECTION_ORDER))


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _draw(state: np.uint64, below: np.uint64) -> np.uint64:
    """An integer in [0, below), from the high half of the state: the low bits of this kind of generator are not random."""
    return ((state >> np.uint64(32)) * below) >> np.uint64(32)
