"""Records for training: a PyTorch dataset over the token file, and batches of records of like length.

    tokens = TokenFile(Path("results/tokens/tokens.bin"), read_vocabulary(Path("results/tokens/vocab.json")))
    dataset = TokenDataset(tokens, split="train")
    batches = LengthBatches(dataset, batch_size=256)
    loader = DataLoader(dataset, sampler=batches, batch_size=None)
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

from booruflow.tokens.batching import SPARE, gather, hashed, marks_of, pad, reshuffle
from booruflow.tokens.binary import TokenFile, Tokens

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
        self._marks = marks_of(tokens.vocabulary)
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
            flat, lengths, post_ids = self._gathered(index)
            ids, mask = pad(flat, lengths)
            return {
                "input_ids": torch.from_numpy(ids),
                "attention_mask": torch.from_numpy(mask),
                "post_ids": torch.from_numpy(post_ids),
            }
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        one = self[Batch(np.array([index % len(self)]), 0)]
        return {name: value[0] for name, value in one.items()}

    def ragged(self, batch: Batch) -> tuple[Tokens, NDArray[np.int64]]:
        """The tokens of the records, one record after the other, and the lengths (n,)."""
        flat, lengths, _ = self._gathered(batch)
        return flat[:-SPARE], lengths

    def lengths(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tokens of each of these records of the split."""
        places = self.records[records].astype(np.int64)
        return (self.tokens.offsets[places + 1] - self.tokens.offsets[places]).astype(np.int64)

    def _gathered(self, batch: Batch) -> tuple[Tokens, NDArray[np.int64], NDArray[np.int64]]:
        """The tokens of the records and their lengths, as batching.py has them, and the post ids."""
        records = self.records[batch.records]
        post_ids = self.tokens.post_ids[records]
        flat, lengths = gather(self.tokens.tokens, self.tokens.offsets, records)
        if self.shuffle_tags:
            flat = reshuffle(flat, lengths, post_ids, self.seed, batch.epoch, self._marks)
        return flat, lengths, post_ids


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


def in_share(post_ids: NDArray[np.int64], low: float, high: float, seed: int) -> NDArray[np.bool_]:
    """Whether each post's place in [0, 1), a hash of its id and the seed, is in [low, high)."""
    places: NDArray[np.float64] = (hashed(post_ids.astype(np.uint64) ^ hashed(np.uint64(seed))) >> np.uint64(11)) / 2.0**53
    return (places >= low) & (places < high)
