"""From the token ids of a record back to its tags."""

from collections.abc import Iterable
from typing import NamedTuple

from booruflow.tokens.vocabulary import SECTION_ORDER, SPECIAL, Vocabulary


class DecodedRecord(NamedTuple):
    """The content of a record: `names` with a token of their own, by category, in the order of the record.

    `spelled` are the general labels encoded as pieces, with `<unk>` for unknown pieces; tags and labels of which nothing
    is known are not in the result. `rating` and `score` are None where the record has `<unk>`; `score` is the text of
    the bucket, such as `10..49`.
    """

    rating: str | None
    score: str | None
    names: dict[str, list[str]]
    spelled: list[list[str]]


def decode_record(record: Iterable[int], vocabulary: Vocabulary) -> DecodedRecord:
    """Decode a record. Special tokens that are not part of records (padding, masks) are ignored."""
    special = vocabulary.special
    section_of = {special[category]: category for category in SECTION_ORDER}
    heads: dict[str, str] = {}
    names: dict[str, list[str]] = {category: [] for category in SECTION_ORDER}
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
    return DecodedRecord(heads.get("rating"), heads.get("score"), names, spelled)
