"""Posts of a token file as tag sets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from booruflow.core.errors import UserError
from booruflow.tag_model.sets import SPECIAL, TagSets, Vocabulary, offsets_of
from booruflow.tokens import CATEGORIES
from booruflow.tokens.binary import TokenFile
from booruflow.tokens.vocabulary import Vocabulary as TokenVocabulary
from booruflow.tokens.vocabulary import read_vocabulary

PART = 2**18
"""Posts taken at a time."""


def vocabulary_of(tokens: TokenVocabulary) -> Vocabulary:
    """The vocabulary of the tokens, id for id, with ratings and score buckets as categories of their own.

    Tokens that only hold a record together are in the category `special`, and no set has them.
    """
    category = [token.category for token in tokens.tokens]
    for role, number in tokens.special.items():
        if role.startswith(("rating:", "score:")):
            category[number] = role.split(":")[0]
    categories = tuple(name for name in (SPECIAL, "rating", "score", *CATEGORIES) if name in category)
    numbers = np.array([categories.index(name) for name in category], np.int64)
    return Vocabulary(tuple(tokens.texts), numbers, categories, np.array([token.count for token in tokens.tokens]))


def open_posts(tokens: str | Path, vocabulary: str | Path, model: Vocabulary | None = None) -> TokenFile:
    """Open a token file by the paths of `tokens.bin` and `vocab.json`.

    Raises:
        UserError: a file is missing or damaged, or `model`, the vocabulary of a trained model, is another.
    """
    known = read_vocabulary(Path(vocabulary))
    if model is not None and model.names != tuple(known.texts):
        raise UserError(f"{vocabulary}: not the vocabulary that the model was trained with: train the model again")
    return TokenFile(Path(tokens), known)


def posts(file: TokenFile) -> Iterator[TagSets]:
    """The posts of a token file, in its order, a part at a time.

    A post's set has its rating, its score bucket where there is one, its tags, and the pieces of the labels that are
    spelled in pieces; each once.
    """
    vocabulary = vocabulary_of(file.vocabulary)
    is_tag = vocabulary.is_tag
    for start in range(0, len(file), PART):
        offsets = file.offsets[start : start + PART + 1].astype(np.int64)
        tokens = file.tokens[offsets[0] : offsets[-1]]
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        kept = is_tag[tokens]
        keys = np.unique(rows[kept] << 32 | tokens[kept])
        ids = np.array(file.post_ids[start : start + PART])
        sizes = np.bincount(keys >> 32, minlength=len(ids))
        yield TagSets((keys & 0xFFFFFFFF).astype(tokens.dtype), offsets_of(sizes), ids, ids, vocabulary)
