"""A tokenizer with the interface of Hugging Face transformers: encoding, decoding, padding, saving, loading."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal

import pyarrow as pa
from transformers import BatchEncoding

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.tokens.decoding import DecodedRecord, decode_record
from booruflow.tokens.encoding import Encoder
from booruflow.tokens.vocabulary import SECTION_ORDER, SPECIAL, Vocabulary, read_vocabulary, write_vocabulary

Post = str | Mapping[str, str | Sequence[str] | int | None]
"""A tag string, or a mapping of categories to tag strings (or lists of names), with `rating` and `score`."""

_CONFIG = "tokenizer_config.json"
_UNTRUNCATED = 1 << 30


class TagTokenizer:
    """Encodes posts with a vocabulary, to the same ids as in the token file.

    A post is a mapping (`{"general": "1girl solo", "artist": "someone", "rating": "g", "score": 7}`, all optional) or one
    tag string (`"1girl solo someone rating:g score:7"`). The names of a tag string are looked up by their text in
    vocab.txt, `category:name` where a name is in several categories; an unknown name is a general label.
    """

    padding_side = "right"
    model_input_names = ("input_ids", "attention_mask")

    def __init__(self, vocabulary: Vocabulary, model_max_length: int) -> None:
        """`model_max_length` is the maximum number of tokens of a record; longer ones lose their rarest general labels.

        Raises:
            UserError: `model_max_length` is too small.
        """
        self.vocabulary, self.model_max_length = vocabulary, model_max_length
        self._encoders = {model_max_length: Encoder(vocabulary, model_max_length)}

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "TagTokenizer":
        """Load a folder that `save_pretrained` wrote.

        Raises:
            UserError: a file is missing or damaged.
        """
        path = Path(folder) / _CONFIG
        try:
            length = json.loads(path.read_bytes())["model_max_length"]
        except FileNotFoundError as error:
            raise UserError(f"{path}: no such file: name a folder that save_pretrained wrote") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path}: damaged ({error!r}): save the tokenizer again") from error
        return cls(read_vocabulary(Path(folder) / "vocab.json"), length)

    def save_pretrained(self, folder: str | Path) -> tuple[str, ...]:
        """Write `vocab.txt`, `vocab.json` and `tokenizer_config.json`, and return their paths.

        Raises:
            UserError: a file cannot be written.
        """
        text, table, config = (Path(folder) / name for name in ("vocab.txt", "vocab.json", _CONFIG))
        write_vocabulary(self.vocabulary, text, table)
        settings = {"tokenizer_class": type(self).__name__, "model_max_length": self.model_max_length}
        with open_whole(config) as file:
            file.write(json.dumps(settings, indent=2).encode() + b"\n")
        return str(text), str(table), str(config)

    def __len__(self) -> int:
        return len(self.vocabulary)

    @property
    def vocab_size(self) -> int:
        """The number of tokens, including special tokens."""
        return len(self.vocabulary)

    def get_vocab(self) -> dict[str, int]:
        """The id of each token by its text in `vocab.txt`."""
        return dict(self._id_of_text)

    @cached_property
    def _id_of_text(self) -> dict[str, int]:
        return {text: number for number, text in enumerate(self.vocabulary.texts)}

    def _special(self, role: str) -> tuple[str, int]:
        number = self.vocabulary.special[role]
        return self.vocabulary.texts[number], number

    pad_token = property(lambda self: self._special("pad")[0])
    pad_token_id = property(lambda self: self._special("pad")[1])
    bos_token = property(lambda self: self._special("bos")[0])
    bos_token_id = property(lambda self: self._special("bos")[1])
    eos_token = property(lambda self: self._special("eos")[0])
    eos_token_id = property(lambda self: self._special("eos")[1])
    unk_token = property(lambda self: self._special("unk")[0])
    unk_token_id = property(lambda self: self._special("unk")[1])
    mask_token = property(lambda self: self._special("mask")[0])
    mask_token_id = property(lambda self: self._special("mask")[1])

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of the special tokens."""
        return list(self.vocabulary.special.values())

    @property
    def all_special_tokens(self) -> list[str]:
        """The texts of the special tokens."""
        return self.vocabulary.texts[: len(self.vocabulary.special)]

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        """The id of a token by its text in `vocab.txt`, or the ids of several; `unk` for unknown ones."""
        if isinstance(tokens, str):
            return self._id_of_text.get(tokens, self.vocabulary.special["unk"])
        return [self._id_of_text.get(token, self.vocabulary.special["unk"]) for token in tokens]

    def convert_ids_to_tokens(self, ids: int | Iterable[int]) -> str | list[str]:
        """The text of a token by its id, or the texts of several."""
        if isinstance(ids, int):
            return self.vocabulary.texts[ids]
        return [self.vocabulary.texts[number] for number in ids]

    def encode(self, post: Post, truncation: bool = True, max_length: int | None = None) -> list[int]:
        """The ids of a post."""
        return self._encode([post], truncation, max_length)[0]

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = False) -> str:
        """The texts of the tokens, separated by spaces; without special tokens, the tag string of the post.

        In the tag string the pieces of a label are joined by `_`, whatever separated them in the label.
        """
        vocabulary = self.vocabulary
        if not skip_special_tokens:
            return " ".join(vocabulary.texts[number] for number in map(int, ids))
        record = decode_record(ids, vocabulary)
        texts = [
            vocabulary.texts[vocabulary.ids[category][name]] for category in SECTION_ORDER for name in record.names[category]
        ]
        return " ".join(texts + ["_".join(label) for label in record.spelled])

    def batch_decode(self, sequences: Iterable[Iterable[int]], skip_special_tokens: bool = False) -> list[str]:
        """Decode several sequences."""
        return [self.decode(ids, skip_special_tokens) for ids in sequences]

    def decode_tags(self, ids: Iterable[int]) -> DecodedRecord:
        """The tags of a record by category."""
        return decode_record(ids, self.vocabulary)

    def __call__(
        self,
        posts: Post | Sequence[Post],
        padding: bool | Literal["longest", "max_length"] = False,
        truncation: bool = True,
        max_length: int | None = None,
        return_tensors: Literal["pt", "np"] | None = None,
    ) -> BatchEncoding:
        """`input_ids` and `attention_mask` of one post or several.

        Records are truncated to `max_length`, by default `model_max_length`. Tensors always have a batch dimension.
        """
        if isinstance(posts, str | Mapping):
            batch = self([posts], padding, truncation, max_length, return_tensors)
            return batch if return_tensors else BatchEncoding({name: rows[0] for name, rows in batch.items()})
        return self.pad({"input_ids": self._encode(posts, truncation, max_length)}, padding, max_length, return_tensors)

    def pad(
        self,
        encoded: Mapping[str, Sequence[Sequence[int]]] | Sequence[Mapping[str, Sequence[int]]],
        padding: bool | Literal["longest", "max_length"] = True,
        max_length: int | None = None,
        return_tensors: Literal["pt", "np"] | None = None,
    ) -> BatchEncoding:
        """Pad `input_ids` to one length; the attention mask is 1 for tokens and 0 for padding."""
        rows = encoded["input_ids"] if isinstance(encoded, Mapping) else [record["input_ids"] for record in encoded]
        length = max(map(len, rows), default=0) if padding else 0
        if padding == "max_length":
            length = max_length or self.model_max_length
        data = {
            "input_ids": [[*row, *[self.pad_token_id] * (length - len(row))] for row in rows],
            "attention_mask": [[1] * len(row) + [0] * (length - len(row)) for row in rows],
        }
        return BatchEncoding(data, tensor_type=return_tensors)

    def _encode(self, posts: Sequence[Post], truncation: bool, max_length: int | None) -> list[list[int]]:
        length = (max_length or self.model_max_length) if truncation else _UNTRUNCATED
        if length not in self._encoders:
            self._encoders[length] = Encoder(self.vocabulary, length)
        rows = [self._parse_tag_string(post) if isinstance(post, str) else _complete_post(post) for post in posts]
        columns = {category: pa.array([row[category] for row in rows], pa.string()) for category in ("rating", *SECTION_ORDER)}
        columns["score"] = pa.array([row["score"] for row in rows], pa.int32())
        encoded = self._encoders[length].encode(pa.RecordBatch.from_pydict(columns))
        tokens = iter(encoded.tokens.tolist())
        return [list(islice(tokens, length)) for length in encoded.lengths]

    def _parse_tag_string(self, text: str) -> dict[str, str | int | None]:
        """A tag string as the columns of a post."""
        tags: dict[str, list[str]] = {category: [] for category in SECTION_ORDER}
        rating, score = None, None
        for word in text.split():
            kind, _, value = word.partition(":")
            token = self.vocabulary.tokens[self._id_of_text.get(word, 0)]
            if kind == "rating":
                rating = value
            elif kind == "score" and value.removeprefix("-").isdecimal():
                score = int(value)
            elif token.category != SPECIAL:
                tags[token.category].append(token.name)
            else:
                tags["general"].append(word)
        return {"rating": rating, "score": score, **{category: " ".join(names) for category, names in tags.items()}}


def _complete_post(post: Mapping[str, str | Sequence[str] | int | None]) -> dict[str, str | int | None]:
    """A post with all columns, lists of names joined."""
    unknown = sorted(post.keys() - {"rating", "score", *SECTION_ORDER})
    if unknown:
        raise UserError(f"post: no category {unknown[0]!r}: use {', '.join(SECTION_ORDER)}, rating and score")
    joined = {name: value if value is None or isinstance(value, str | int) else " ".join(value) for name, value in post.items()}
    return {"rating": None, "score": None, **dict.fromkeys(SECTION_ORDER), **joined}
