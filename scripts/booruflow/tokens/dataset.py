"""Records for training: a PyTorch dataset over the token file, and batches of records of like length.

    tokens = TokenFile(Path("results/tokens/tokens.bin"), read_vocabulary(Path("results/tokens/vocab.json")))
    dataset = TokenDataset(tokens, split="train")
    batches = LengthBatches(dataset, batch_size=256)
    loader = DataLoader(dataset, sampler=batches, batch_size=None, num_workers=2)
    for epoch in range(10):
        batches.set_epoch(epoch)
        for batch in loader: ...

The sampler hands whole batches to the dataset, each with its epoch. So workers need not be told of a new epoch.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from booruflow.tokens import CATEGORIES
from booruflow.tokens.binary import TokenFile, Tokens
from booruflow.tokens.encoding import ranges

Split = Literal["train", "validation", "test", "all"]

_ITEM_BITS = 24
_DRAW_BITS = 20


class Batch(NamedTuple):
    """Which records, (n,), in which epoch."""

    records: NDArray[np.int64]
    epoch: int


class TokenDataset(Dataset[dict[str, torch.Tensor]]):
    """The records of one split: `dataset[i]` is one of them, `dataset[Batch(...)]` several, padded.

    The split depends on the post id and `seed` alone: of the posts, the share `held_out` is validation, as much is test.
    """

    def __init__(
        self, tokens: TokenFile, split: Split = "all", held_out: float = 0.01, seed: int = 0, shuffle_tags: bool = True
    ) -> None:
        self.tokens = tokens
        self.seed = seed
        self.shuffle_tags = shuffle_tags
        shares = {"validation": (0.0, held_out), "test": (held_out, 2 * held_out), "train": (2 * held_out, 1.0)}
        low, high = shares.get(split, (0.0, 1.0))
        step = 1 << 20
        chunks = [
            start + np.flatnonzero(in_share(tokens.post_ids[start : start + step], low, high, seed))
            for start in range(0, len(tokens), step)
        ]
        self.records = np.concatenate([np.empty(0, np.uint32), *chunks]).astype(np.uint32)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int | Batch) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask`, (n, longest), int64; `post_ids` (n,). For one record without the n, epoch 0."""
        if isinstance(index, Batch):
            ids, kept = self._padded(index)
            return {
                "input_ids": torch.from_numpy(ids.astype(np.int64)),
                "attention_mask": torch.from_numpy(kept.astype(np.int64)),
                "post_ids": torch.from_numpy(self.tokens.post_ids[self.records[index.records]]),
            }
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        one = self[Batch(np.array([index % len(self)]), 0)]
        return {name: value[0] for name, value in one.items()}

    def ragged(self, batch: Batch) -> tuple[Tokens, NDArray[np.int64]]:
        """The tokens of the records, one record after the other, and the lengths (n,)."""
        ids, kept = self._padded(batch)
        return ids[kept], kept.sum(axis=1)

    def lengths(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tokens of each of these records of the split."""
        places = self.records[records].astype(np.int64)
        return (self.tokens.offsets[places + 1] - self.tokens.offsets[places]).astype(np.int64)

    def _padded(self, batch: Batch) -> tuple[Tokens, NDArray[np.bool_]]:
        """The tokens of the records, (n, longest), and where there are any."""
        tokens = self.tokens.tokens
        places = self.records[batch.records].astype(np.int64)
        starts = self.tokens.offsets[places].astype(np.int64)
        lengths = self.tokens.offsets[places + 1].astype(np.int64) - starts
        longest = int(lengths.max())
        narrow = np.min_scalar_type(longest)
        kept = np.arange(longest, dtype=narrow) < lengths.astype(narrow)[:, None]
        ids = _stretches(tokens, starts, longest)
        if self.shuffle_tags:
            ids[kept] = self._reshuffled(ids[kept], self.tokens.post_ids[places], batch.epoch)
        return ids * kept, kept  # the id of pad is 0

    def _reshuffled(self, tokens: Tokens, post_ids: NDArray[np.int64], epoch: int) -> Tokens:
        """Each section's tags in an order drawn from seed, epoch and post id; the head stays, and labels stay whole."""
        special = self.tokens.vocabulary.special
        parts = ("bos", *CATEGORIES, "eos")
        starts_part = np.zeros(len(self.tokens.vocabulary), bool)
        starts_part[[special[role] for role in parts]] = True
        frame = starts_part[tokens]
        part = np.cumsum(frame) - 1
        starts_item = part % len(parts) != parts.index("general")
        starts_item |= frame
        starts_item[1:] |= frame[:-1] | (tokens[:-1] == special["delimiter"])

        items = np.flatnonzero(starts_item)
        part = part[items]
        record = part // len(parts)
        first = np.flatnonzero(np.diff(record, prepend=-1))
        place = np.arange(items.size) - first[record]
        seeds = hashed(post_ids.astype(np.uint64) ^ hashed(np.array([epoch], np.uint64) ^ _hashed_seed(self.seed)))
        draws = hashed(seeds[record] + place.astype(np.uint64)) >> np.uint64(64 - _DRAW_BITS)
        draws[frame[items] | (part % len(parts) == 0)] = 0
        key = part.astype(np.uint64) << np.uint64(_DRAW_BITS + _ITEM_BITS) | draws << np.uint64(_ITEM_BITS)
        key |= np.arange(items.size, dtype=np.uint64)
        order = (np.sort(key) & np.uint64((1 << _ITEM_BITS) - 1)).astype(np.int64)
        return tokens[ranges(items[order], np.diff(items, append=tokens.size)[order])]


class LengthBatches(Sampler[Batch]):
    """Batches of records of like length, in an order that changes with the epoch.

    The records are shuffled; each stretch of `window` batches is sorted by length, cut into batches, and these are
    shuffled. Only lengths are read.
    """

    def __init__(self, dataset: TokenDataset, batch_size: int, window: int = 64, seed: int = 0) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.window = window
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration has."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        draw = np.random.default_rng([self.seed, self.epoch])
        order = draw.permutation(np.arange(len(self.dataset), dtype=np.uint32))
        stretch = self.batch_size * self.window
        for start in range(0, len(order), stretch):
            records = order[start : start + stretch].astype(np.int64)
            records = records[np.argsort(self.dataset.lengths(records), kind="stable")]
            cuts = range(0, len(records), self.batch_size)
            for cut in draw.permutation(cuts).tolist():
                yield Batch(records[cut : cut + self.batch_size], self.epoch)

    def padding_share(self) -> float:
        """The share of padding in the batches of this epoch, from the lengths alone."""
        kept = padded = 0
        for batch in self:
            lengths = self.dataset.lengths(batch.records)
            kept += int(lengths.sum())
            padded += int(lengths.max()) * lengths.size
        return 1 - kept / padded if padded else 0.0


def _stretches(tokens: Tokens, starts: NDArray[np.int64], length: int) -> Tokens:
    """Stretches of the file, (n, length); what would lie behind its end is undefined.

    Each is copied as one value of `length` tokens, which is twice as fast as token by token.
    """
    last = tokens.size - length
    views = np.ndarray(last + 1, f"V{length * tokens.itemsize}", tokens, strides=tokens.strides)
    found = views[np.minimum(starts, last)].view(tokens.dtype).reshape(-1, length)
    for row in np.flatnonzero(starts > last):
        found[row, : tokens.size - starts[row]] = tokens[starts[row] :]
    return found


def in_share(post_ids: NDArray[np.int64], low: float, high: float, seed: int) -> NDArray[np.bool_]:
    """Whether each post's place in [0, 1), a hash of its id and the seed, is in [low, high)."""
    mixed = hashed(post_ids.astype(np.uint64) ^ _hashed_seed(seed))
    places = (mixed >> np.uint64(11)) / 2.0**53
    return (places >= low) & (places < high)


def _hashed_seed(seed: int) -> NDArray[np.uint64]:
    return hashed(np.array([seed], np.uint64))


def hashed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """64 well-mixed bits of each 64-bit value: the output function of SplitMix64 (Steele, Lea, Flood 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
