"""How a general label that is too rare for a token of its own is spelled in pieces.

Names are compared by their exact code points: no case folding, no Unicode normalisation, because a booru keeps
two tags apart that differ in nothing else. Lengths count code points.
"""

import re

UNSPLIT_LENGTH = 4
"""Labels up to this many code points are never split: they are mostly kaomoji (`^_^`, `;_;`, `+_+`)."""

_JOINTS = re.compile(r"[-_]")


def pieces(label: str) -> list[str]:
    """The pieces that spell a label, in order; `[label]` when it cannot be split.

    1. A label of up to four code points is not split.
    2. `x_(cosplay)` becomes the name `x`, whole, and `cosplay`.
    3. `x_(qualifier)` becomes the parts `x` and `qualifier`, again and again from the right.
    4. A part of more than four code points is split at every `-` and `_`; emptiness between two of them is no piece.

    A label that leaves a single piece (`_smile`, `-----`) is not split, so that a lone piece is always a whole label.
    """
    if len(label) <= UNSPLIT_LENGTH:
        return [label]
    name = label.removesuffix("_(cosplay)")
    if name and name != label:
        return [name, "cosplay"]
    spelled = [piece for part in _unqualified(label) for piece in _split(part)]
    return spelled if len(spelled) > 1 else [label]


def _unqualified(label: str) -> list[str]:
    """`x_(a)_(b)` as `x`, `a`, `b`."""
    parts: list[str] = []
    while label.endswith(")"):
        base, bracket, qualifier = label[:-1].rpartition("_(")
        if not (base and bracket and qualifier):
            break
        parts.append(qualifier)
        label = base
    return [label, *reversed(parts)]


def _split(part: str) -> list[str]:
    if len(part) <= UNSPLIT_LENGTH:
        return [part]
    return [piece for piece in _JOINTS.split(part) if piece]
