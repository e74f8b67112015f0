"""Templates of texts: named parts in braces, such as `{tags}, {caption}`. Imported by Snakemake, without data libraries."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from booruflow.core.errors import UserError

TEXTS = ("tags", "caption")
"""The parts that say whether a post belongs to a data set or subset: it has one of them."""

PARTS = (
    *TEXTS, "people", "artist", "characters", "copyrights", "general", "meta", "rating", "year", "quality", "size",
)  # fmt: skip
"""The names of parts that all posts can have; where each comes from is in `booruflow.texts.parts`."""

DEFAULT = "{tags}, {caption}"

DIVIDER = "|||"
"""At which sd-scripts divides a text; the text of a part has it apart, see `booruflow.sources.tags.apart`."""

Variants = Sequence[Mapping[str, Any]]
"""Of the config: `template` and `weight` each; none means `DEFAULT` alone."""

_PAIRS = dict(zip("([<«“「『（【《〈", ")]>»”」』）】》〉", strict=True)) | {'"': '"'}
_CLOSING = re.compile(rf"(?:[{re.escape(''.join(_PAIRS.values()))}]|'(?:s\b|(?!\w)))*")
"""What belongs to the part before it: closing brackets and quotes, and a genitive s."""
_DIVIDER = re.compile(rf"\s*{re.escape(DIVIDER)}(?:.*{re.escape(DIVIDER)})?\s*")
_SEPARATORS = " \t,;:.|/+&–—-、，。；：・"


class Piece(NamedTuple):
    """A part with what stands around it, which is left out together with the part.

    Attributes:
        part: its name; or the pieces between two brackets or dividers, which are one part of the text around them.
        before: the text before it.
        alone: the text before it where it is the first part that is not empty.
        after: the closing brackets and quotes behind it; of the last part all that follows.
    """

    part: "str | tuple[Piece, ...]"
    before: str
    alone: str
    after: str

    def names(self) -> list[str]:
        """The names of its parts."""
        return [self.part] if isinstance(self.part, str) else [name for piece in self.part for name in piece.names()]


def parts_with(views: Iterable[str]) -> tuple[str, ...]:
    """All names of parts, with one for the captions of each further style, such as `caption_short`."""
    return (*PARTS, *(f"caption_{view}" for view in views))


def file_parts(views: Iterable[str], subset: str | None = None) -> dict[str, tuple[str, str]]:
    """The parts that are files keyed by id: for each name the member of an entry, and the path below the folder of the data set.

    Of further styles (`views`) a subset has no files of its own.
    """
    folder = "results" if subset is None else f"results/subsets/{subset}"
    further = {f"caption_{view}": ("caption", f"results/meta_cap_{view}.json") for view in views}
    return {"tags": ("tags", f"{folder}/tags/meta_cap_dd.json"), "caption": ("caption", f"{folder}/meta_cap.json"), **further}


def parse_template(template: str) -> list[Piece]:
    """The pieces of a template.

    Raises:
        UserError: a brace is single, there is no part, or a line break; the message does not name the place.
    """
    literals = re.split(r"\{([^{}]*)\}", template)
    texts, names = literals[::2], literals[1::2]
    if any(brace in text for text in texts for brace in "{}"):
        raise UserError(f"'{template}': a brace without its partner: write parts as {{tags}}")
    if not names:
        raise UserError(f"'{template}': no part: use {_listed(PARTS)}")
    if any(not text.isprintable() for text in texts):
        raise UserError(f"{template!r}: a line break or tab: a variant is one line, write each as a template of its own")
    return _pieces(texts, names)


def _pieces(texts: Sequence[str], parts: Sequence[str | tuple[Piece, ...]]) -> list[Piece]:
    """The pieces of parts and the texts before, between and behind them."""
    texts, parts = _with_sections_as_parts(*_with_brackets_as_parts(texts, parts))
    pieces = []
    before, alone = texts[0], texts[0]
    for part, following in zip(parts, texts[1:], strict=True):
        rest = _CLOSING.sub("", following, count=1)
        pieces.append(Piece(part, before, alone, following[: len(following) - len(rest)]))
        before, alone = rest, rest.lstrip(_SEPARATORS)
    last = pieces[-1]
    pieces[-1] = last._replace(after=last.after + before)
    return pieces


def _with_sections_as_parts(
    texts: Sequence[str], parts: Sequence[str | tuple[Piece, ...]]
) -> tuple[Sequence[str], Sequence[str | tuple[Piece, ...]]]:
    """The same with the pieces before, between and behind dividers as one part each: a divider stands where both sides do."""
    found = {number: match for number in range(1, len(parts)) if (match := _DIVIDER.search(texts[number]))}
    if not found:
        return texts, parts
    sections: list[str | tuple[Piece, ...]] = []
    for start, end in pairwise([0, *found, len(parts)]):
        left = texts[start][found[start].end() :] if start else texts[0]
        right = texts[end][: found[end].start()] if end in found else texts[-1]
        sections.append(tuple(_pieces([left, *texts[start + 1 : end], right], parts[start:end])))
    return ["", *(match[0] for match in found.values()), ""], sections


def _with_brackets_as_parts(
    texts: Sequence[str], parts: Sequence[str | tuple[Piece, ...]]
) -> tuple[list[str], list[str | tuple[Piece, ...]]]:
    """The same with the pieces between two brackets as one part; the brackets stay in the texts."""
    new_texts: list[str] = []
    new_parts: list[str | tuple[Piece, ...]] = []
    number = place = 0  # of the text that is next, and in it
    for (start, opening), (end, closing) in _outer_brackets(texts):
        new_texts += [texts[number][place:], *texts[number + 1 : start + 1]]
        new_texts[-1] = texts[start][place if start == number else 0 : opening + 1]
        new_parts += parts[number:start]
        inside = [texts[start][opening + 1 :], *texts[start + 1 : end], texts[end][:closing]]
        new_parts.append(tuple(_pieces(inside, parts[start:end])))
        number, place = end, closing
    return [*new_texts, texts[number][place:], *texts[number + 1 :]], [*new_parts, *parts[number:]]


def _outer_brackets(texts: Sequence[str]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where pairs of brackets around parts open and close, as numbers of text and character; none is inside another."""
    opened: list[tuple[str, int, int]] = []
    pairs: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for number, text in enumerate(texts):
        for place, char in enumerate(text):
            if opened and opened[-1][0] == char:
                _, *start = opened.pop()
                if number > start[0]:
                    pairs = [pair for pair in pairs if pair[0] < tuple(start)]
                    pairs.append(((start[0], start[1]), (number, place)))
            elif char in _PAIRS:
                opened.append((_PAIRS[char], number, place))
    return pairs


def templates_of(variants: Variants) -> list[list[Piece]]:
    """The pieces of each variant."""
    return [parse_template(variant["template"]) for variant in variants or [{"template": DEFAULT}]]


def parts_used(variants: Variants) -> list[str]:
    """The names of the parts in any variant; a post has a text if one of them is not empty."""
    return sorted({name for pieces in templates_of(variants) for piece in pieces for name in piece.names()})


def check_template(template: str, parts: Sequence[str], empty: Mapping[str, str]) -> None:
    """Raise a UserError, as `parse_template`, also for a part that is not among `parts`, or is in `empty`.

    `empty` has the parts that no post has, each with what makes it.
    """
    for name in (name for piece in parse_template(template) for name in piece.names()):
        if name in empty:
            raise UserError(f"'{template}': no post has the part {{{name}}}: {empty[name]}, or leave the part out")
        if name not in parts:
            nearest = difflib.get_close_matches(name, parts, n=1, cutoff=0.5)
            hint = f"did you mean {{{nearest[0]}}}?" if nearest else f"parts are {_listed(parts)}"
            if (style := name.removeprefix("caption_")) != name:
                hint += f" {{{name}}} needs the style {style} in captioner.styles, as a further one, with captions.generate"
            raise UserError(f"'{template}': no part {{{name}}}; {hint}")


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(f"{{{part}}}" for part in parts)
