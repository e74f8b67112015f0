"""Other orders of a record's tags. Compiled: to sort random keys with numpy takes six times as long."""

import numba
import numpy as np
from numpy.typing import NDArray

from booruflow.tokens import CATEGORIES
from booruflow.tokens.binary import Tokens
from booruflow.tokens.vocabulary import Vocabulary

_OTHER, _DELIMITER, _BREAK, _LABELS = range(4)


def roles_of(vocabulary: Vocabulary) -> NDArray[np.uint8]:
    """What `reshuffle` has to know of the special tokens, (special tokens,): delimiter, sections, eos, others."""
    roles = np.full(len(vocabulary.special), _OTHER, np.uint8)
    roles[[vocabulary.special[role] for role in (*CATEGORIES, "eos")]] = _BREAK
    roles[vocabulary.special["general"]] = _LABELS
    roles[vocabulary.special["delimiter"]] = _DELIMITER
    return roles


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def reshuffle(records: Tokens, lengths: NDArray[np.int64], seeds: NDArray[np.uint64], roles: NDArray[np.uint8]) -> None:
    """Put the tags of each section of each record into another order, in place; the head stays, and labels stay whole.

    Every order is as likely (Fisher and Yates; SplitMix64 by Steele, Lea and Flood 2014 draws).

    Args:
        records: (n, longest), a record a row.
        lengths: (n,), the tokens of each record; what follows them is left alone.
        seeds: (n,), of each record: the same seed gives the same order.
        roles: of `roles_of`.
    """
    former = np.empty(records.shape[1], records.dtype)
    firsts, ends = np.empty(former.size + 1, np.uint32), np.empty(former.size, np.uint32)
    for row in range(len(records)):
        record, state, eos = records[row], seeds[row], np.uint32(lengths[row] - 1)
        at = np.uint32(0)
        while record[at] >= len(roles) or roles[record[at]] < _BREAK:
            at += np.uint32(1)
        while at < eos:
            labels = roles[record[at]] == _LABELS
            at += np.uint32(1)
            place, items, firsts[0] = at, np.uint32(0), at
            while True:
                role = roles[record[at]] if record[at] < len(roles) else _OTHER
                if role >= _BREAK:
                    break
                former[at] = record[at]
                at += np.uint32(1)
                if role == _DELIMITER or not labels:
                    ends[items] = at
                    items += np.uint32(1)
                    firsts[items] = at
            for left in range(items, 0, -1):
                state += np.uint64(0x9E3779B97F4A7C15)
                draw = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                draw = (draw ^ (draw >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                chosen = np.uint32(((draw >> np.uint64(32)) * np.uint64(left)) >> np.uint64(32))
                for k in range(firsts[chosen], ends[chosen]):
                    record[place] = former[k]
                    place += np.uint32(1)
                firsts[chosen], ends[chosen] = firsts[left - 1], ends[left - 1]
