"""From a record back to its tags."""

from collections.abc import Iterable
from typing import NamedTuple

from booruflow.tokens import CATEGORIES
from booruflow.tokens.vocabulary import SPECIAL, Vocabulary


class Tags(NamedTuple):
    """What a record holds: the names that have a token of their own, by category, in the order of the record.

    `spelled` are the general labels written in pieces, with `<unk>` for pieces that are not known; a label, and a tag of
    any category, of which nothing is known leaves no trace here. `rating` and `score` are None where the record has
    `<unk>`; `score` is the text of the bucket, such as `10..49`.
    """

    rating: str | None
    score: str | None
    names: dict[str, list[str]]
    spelled: list[list[str]]


def decode(record: Iterable[int], vocabulary: Vocabulary) -> Tags:
    """Take a record apart. Special tokens that records do not have (padding, masks) are passed over."""
    special = vocabulary.special
    section_of = {special[category]: category for category in CATEGORIES}
    heads: dict[str, str] = {}
    names: dict[str, list[str]] = {category: [] for category in CATEGORIES}
    spelled: list[list[str]] = []
    section, label = "", list[int]()
    for number in map(int, record):
        token = vocabulary.tokens[number]
        if number in section_of:
            section, label = section_of[number], []
        elif number == special["delimiter"]:
            if len(label) > 1:
                spelled.append([vocabulary.tokens[piece].name for piece in label])
            elif label and label[0] != special["unk"]:
                names[section].append(vocabulary.tokens[label[0]].name)
            label = []
        elif not section and ":" in token.name:
            kind, _, value = token.name.partition(":")
            heads[kind] = value
        elif section == "general" and number not in (special["pad"], special["mask"], special["eos"]):
            label.append(number)
        elif token.category != SPECIAL:
            names[section].append(token.name)
    return Tags(heads.get("rating"), heads.get("score"), names, spelled)
