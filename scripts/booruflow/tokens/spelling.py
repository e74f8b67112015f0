"""How a general label that is too rare for a token of its own is split into pieces.

Names are compared by their exact code points, without case folding or Unicode normalisation, because a booru has
different tags that differ in nothing else. Lengths count code points.
"""

import re
from collections import Counter
from collections.abc import Mapping

UNSPLIT_LENGTH = 4
"""Labels up to this many code points are never split: they are mostly kaomoji (`^_^`, `;_;`, `+_+`)."""
_SEPARATORS = re.compile(r"[-_]")


def pieces(label: str) -> list[str]:
    """The pieces of a label, in order; `[label]` when it cannot be split.

    1. A label of up to four code points is not split.
    2. `x_(cosplay)` becomes the name `x`, unsplit, and `cosplay`.
    3. `x_(qualifier)` becomes the parts `x` and `qualifier`, repeatedly from the right.
    4. A part of more than four code points is split at every `-` and `_`; empty pieces are dropped.

    A label that would leave a single piece (`_smile`, `-----`) is not split, so a lone piece is always a whole label.
    """
    if len(label) <= UNSPLIT_LENGTH:
        return [label]
    name = label.removesuffix("_(cosplay)")
    if name and name != label:
        return [name, "cosplay"]
    found = [piece for part in _split_qualifiers(label) for piece in _split_part(part)]
    return found if len(found) > 1 else [label]


def count_pieces(labels: Mapping[str, int]) -> Counter[str]:
    """How often each piece occurs in labels that can be split, over all posts, from the labels' counts."""
    counts: Counter[str] = Counter()
    for label, count in labels.items():
        found = pieces(label)
        if len(found) > 1:
            for piece in found:
                counts[piece] += count
    return counts


def _split_qualifiers(label: str) -> list[str]:
    """`x_(a)_(b)` as `x`, `a`, `b`."""
    parts: list[str] = []
    while label.endswith(")"):
        base, bracket, qualifier = label[:-1].rpartition("_(")
        if not (base and bracket and qualifier):
            break
        parts.append(qualifier)
        label = base
    return [label, *reversed(parts)]


def _split_part(part: str) -> list[str]:
    if len(part) <= UNSPLIT_LENGTH:
        return [part]
    return [piece for piece in _SEPARATORS.split(part) if piece]
