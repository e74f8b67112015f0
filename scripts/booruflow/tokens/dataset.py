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

from booruflow.tokens.binary import TokenFile, Tokens
from booruflow.tokens.shuffling import reshuffle, roles_of

Split = Literal["train", "validation", "test", "all"]


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
        self._roles = roles_of(tokens.vocabulary)
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
            reshuffle(ids, lengths, self._seeds(self.tokens.post_ids[places], batch.epoch), self._roles)
        return ids * kept, kept  # the id of pad is 0

    def _seeds(self, post_ids: NDArray[np.int64], epoch: int) -> NDArray[np.uint64]:
        """Of the order of each post's tags, (n,), from seed, epoch and post id."""
        return hashed(post_ids.astype(np.uint64) ^ hashed(np.array([epoch], np.uint64) ^ _hashed_seed(self.seed)))


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
