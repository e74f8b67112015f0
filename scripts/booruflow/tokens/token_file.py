"""The token file: `tokens.bin` holds the records one after the other, `tokens.idx` their offsets and post ids.

Both begin with a header of 96 bytes, little-endian, equal but for the magic:

    0   8  magic: `BOORUTOK` in the .bin, `BOORUIDX` in the .idx
    8   4  version, 1
    12  4  width of a token in bits, 16 or 32
    16  8  records
    24  8  tokens
    32 32  sha256 of `vocab.json`
    64 32  sha256 of the tokens

In the .bin the tokens follow. Every record begins with bos and ends with eos, and neither occurs inside one. In the
.idx follow, for each record and for the end, the number of tokens before it, and then the post id of each record,
ascending; all are 64-bit integers.
"""

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.tokens.vocabulary import Vocabulary

_HEADER = struct.Struct("<8sIIQQ32s32s")
_TOKENS_MAGIC = b"BOORUTOK"
_INDEX_MAGIC = b"BOORUIDX"
_VERSION = 1

Tokens = NDArray[np.unsignedinteger]


class Header(NamedTuple):
    """The header of both files; `width` in bits, `vocabulary` and `content` are sha256 digests."""

    width: int
    records: int
    tokens: int
    vocabulary: bytes
    content: bytes

    def pack(self, magic: bytes) -> bytes:
        """The 96 bytes of the header."""
        return _HEADER.pack(magic, _VERSION, *self)


def token_type(size: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type for the ids of a vocabulary of this size: 16 bits up to 65,536 tokens, 32 bits above."""
    return np.dtype("<u2") if size <= 1 << 16 else np.dtype("<u4")


def index_path(path: Path) -> Path:
    """The path of the index of a token file: beside it, with the suffix `.idx`."""
    return path.with_suffix(".idx")


class TokenWriter:
    """Writes records in ascending order of their post ids; opened by `token_writer`."""

    def __init__(self, path: Path, tokens: BinaryIO, index: BinaryIO, vocabulary: Vocabulary, records: int) -> None:
        self._path, self._vocabulary, self._records = path, vocabulary, records
        self._files = tokens, index
        self._type = token_type(len(vocabulary))
        self._written = self._tokens = 0
        self._last_id = -1
        self._digest = hashlib.sha256()
        tokens.seek(_HEADER.size)

    def append(self, post_ids: NDArray[np.int64], lengths: NDArray[np.int64], tokens: Tokens) -> None:
        """Append n records: `post_ids` and `lengths` (n,), and `tokens`, the concatenated records.

        Raises:
            UserError: the post ids do not ascend.
        """
        steps = np.diff(post_ids, prepend=self._last_id)
        if steps.min(initial=1) <= 0:
            raise UserError(f"{self._path}: post {post_ids[steps.argmin()]} is not above the previous one: sort the posts by id")
        tokens_file, index_file = self._files
        data = tokens.astype(self._type, copy=False).data
        self._digest.update(data)
        tokens_file.write(data)
        index_file.seek(_HEADER.size + 8 * self._written)
        index_file.write((np.cumsum(lengths) - lengths + self._tokens).astype("<u8").data)
        index_file.seek(_HEADER.size + 8 * (self._records + 1 + self._written))
        index_file.write(post_ids.astype("<i8").data)
        self._written += len(post_ids)
        self._tokens += tokens.size
        self._last_id = int(post_ids[-1]) if len(post_ids) else self._last_id

    def finish(self) -> None:
        """Write the last offset and the headers, which are known only at the end."""
        tokens_file, index_file = self._files
        width = 8 * self._type.itemsize
        header = Header(width, self._written, self._tokens, self._vocabulary.digest, self._digest.digest())
        tokens_file.seek(0)
        tokens_file.write(header.pack(_TOKENS_MAGIC))
        index_file.seek(0)
        index_file.write(header.pack(_INDEX_MAGIC))
        index_file.seek(_HEADER.size + 8 * self._records)
        index_file.write(struct.pack("<Q", self._tokens))


@contextmanager
def token_writer(path: Path, vocabulary: Vocabulary, records: int) -> Iterator[TokenWriter]:
    """Write a token file of `records` records and its index; both appear, complete, when the block ends without an error.

    Raises:
        UserError: a file cannot be written.
    """
    with open_whole(path) as tokens, open_whole(index_path(path)) as index:
        writer = TokenWriter(path, tokens, index, vocabulary, records)
        yield writer
        writer.finish()


class TokenFile:
    """A memory-mapped token file: `len(file)` records, `file[i]` the tokens of record i.

    Data are read on access only. It can be used after a fork, and is pickled as its path.
    """

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        """Open `path` and the index beside it.

        Raises:
            UserError: a file is missing, damaged, truncated, or of another vocabulary, or the two are of different runs.
        """
        self.path, self.vocabulary = path, vocabulary
        self.header, body = _mapped(path, _TOKENS_MAGIC)
        index_header, index = _mapped(index_path(path), _INDEX_MAGIC)
        width = self.header.width // 8
        if self.header.vocabulary != vocabulary.digest:
            raise UserError(
                f"{path}: made with another vocabulary: run the rule tokens again, or read the vocabulary of this file"
            )
        if body.size != self.header.tokens * width:
            raise UserError(f"{path}: {body.size} bytes of tokens, not {self.header.tokens * width}: run the rule tokens again")
        if index_header != self.header:
            raise UserError(f"{index_path(path)}: belongs to another token file than {path}: run the rule tokens again")
        records = self.header.records
        if index.size != 8 * (2 * records + 1):
            raise UserError(f"{index_path(path)}: {index.size} bytes, not {8 * (2 * records + 1)}: run the rule tokens again")
        self.tokens: Tokens = body.view(f"<u{width}")
        self.offsets: NDArray[np.uint64] = index[: 8 * (records + 1)].view("<u8")
        self.post_ids: NDArray[np.int64] = index[8 * (records + 1) :].view("<i8")

    def __len__(self) -> int:
        return len(self.post_ids)

    def __getitem__(self, record: int) -> Tokens:
        if not -len(self) <= record < len(self):
            raise IndexError(record)
        record %= len(self)
        return self.tokens[self.offsets[record] : self.offsets[record + 1]]

    def __reduce__(self) -> tuple[type["TokenFile"], tuple[Path, Vocabulary]]:
        return TokenFile, (self.path, self.vocabulary)

    def find(self, post_id: int) -> int:
        """The record of a post.

        Raises:
            KeyError: the file has no such post.
        """
        record = int(np.searchsorted(self.post_ids, post_id))
        if record == len(self) or self.post_ids[record] != post_id:
            raise KeyError(post_id)
        return record

    def verify(self) -> None:
        """Read all tokens and compare them with the digest in the header.

        Raises:
            UserError: the tokens have changed since they were written.
        """
        if hashlib.sha256(self.tokens.data).digest() != self.header.content:
            raise UserError(f"{self.path}: the tokens have changed since they were written: run the rule tokens again")


def _mapped(path: Path, magic: bytes) -> tuple[Header, NDArray[np.uint8]]:
    """The header of a file, and the bytes after it."""
    try:
        data = np.memmap(path, np.uint8, mode="r").view(np.ndarray)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file: run the rule tokens") from error
    except ValueError as error:
        raise UserError(f"{path}: empty: run the rule tokens again") from error
    if data.size < _HEADER.size:
        raise UserError(f"{path}: truncated within the header: run the rule tokens again")
    found_magic, version, *rest = _HEADER.unpack(data[: _HEADER.size].tobytes())
    header = Header(*rest)
    if found_magic != magic:
        raise UserError(f"{path}: begins with {found_magic!r}, not {magic!r}: name a token file of booruflow")
    if version != _VERSION or header.width not in (16, 32):
        raise UserError(f"{path}: version {version} with {header.width} bits is not supported: run the rule tokens again")
    return header, data[_HEADER.size :]
