"""Records for training: a PyTorch dataset over the token file, and batches of records of similar length.

    tokens = TokenFile(Path("results/tokens/tokens.bin"), read_vocabulary(Path("results/tokens/vocab.json")))
    dataset = TokenDataset(tokens, split="train")
    batches = LengthBatches(dataset, batch_size=256)
    loader = DataLoader(dataset, sampler=batches, batch_size=None)
    for epoch in range(10):
        batches.set_epoch(epoch)
        for batch in loader: ...

The sampler passes whole batches to the dataset, each with its epoch, so that persistent workers follow `set_epoch`.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from booruflow.tokens.batching import SPARE, delimiter_ids, gather, pad, shuffle_tags, splitmix64
from booruflow.tokens.token_file import TokenFile, Tokens

Split = Literal["train", "validation", "test", "all"]


class Batch(NamedTuple):
    """The records of a batch, (n,) indices into the split, and the epoch."""

    records: NDArray[np.int64]
    epoch: int


class TokenDataset(Dataset[dict[str, torch.Tensor]]):
    """The records of one split: `dataset[i]` is one record, `dataset[Batch(...)]` several, padded.

    The split depends on the post id and `seed` only: the share `held_out` of the posts is validation, as many are test.
    """

    def __init__(
        self, tokens: TokenFile, split: Split = "all", held_out: float = 0.01, seed: int = 0, shuffle_tags: bool = True
    ) -> None:
        self.tokens, self.seed, self.shuffle_tags = tokens, seed, shuffle_tags
        self._delimiters = delimiter_ids(tokens.vocabulary)
        ranges = {"validation": (0.0, held_out), "test": (held_out, 2 * held_out), "train": (2 * held_out, 1.0)}
        low, high = ranges.get(split, (0.0, 1.0))
        step = 1 << 20
        chunks = [
            start + np.flatnonzero(hash_in_range(tokens.post_ids[start : start + step], low, high, seed))
            for start in range(0, len(tokens), step)
        ]
        self.records = np.concatenate([np.empty(0, np.uint32), *chunks]).astype(np.uint32)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int | Batch) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask` (n, longest) and `post_ids` (n,), int64; a single record of epoch 0 has no n."""
        if isinstance(index, Batch):
            flat, lengths, post_ids = self._gather(index)
            ids, mask = pad(flat, lengths)
            arrays = {"input_ids": ids, "attention_mask": mask, "post_ids": post_ids}
            return {name: torch.from_numpy(array) for name, array in arrays.items()}
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        batch = self[Batch(np.array([index % len(self)]), 0)]
        return {name: value[0] for name, value in batch.items()}

    def ragged(self, batch: Batch) -> tuple[Tokens, NDArray[np.int64]]:
        """The concatenated tokens of the records, and their lengths (n,)."""
        flat, lengths, _ = self._gather(batch)
        return flat[:-SPARE], lengths

    def lengths(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of tokens of each record, given as indices into the split."""
        rows = self.records[records].astype(np.int64)
        return (self.tokens.offsets[rows + 1] - self.tokens.offsets[rows]).astype(np.int64)

    def _gather(self, batch: Batch) -> tuple[Tokens, NDArray[np.int64], NDArray[np.int64]]:
        """The tokens and lengths of the records, in the layout of batching.py, and the post ids."""
        records = self.records[batch.records]
        post_ids = self.tokens.post_ids[records]
        flat, lengths = gather(self.tokens.tokens, self.tokens.offsets, records)
        if self.shuffle_tags:
            flat = shuffle_tags(flat, lengths, post_ids, self.seed, batch.epoch, self._delimiters)
        return flat, lengths, post_ids


class LengthBatches(Sampler[Batch]):
    """Batches of records of similar length, in an order that changes with the epoch.

    The records are shuffled; each window of `window` batches is sorted by length and cut into batches, which are
    shuffled again. Only the lengths are read.
    """

    def __init__(self, dataset: TokenDataset, batch_size: int, window: int = 64, seed: int = 0) -> None:
        self.dataset, self.batch_size, self.window, self.seed = dataset, batch_size, window, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next iteration."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(np.arange(len(self.dataset), dtype=np.uint32))
        window = self.batch_size * self.window
        for start in range(0, len(order), window):
            records = order[start : start + window].astype(np.int64)
            records = records[np.argsort(self.dataset.lengths(records), kind="stable")]
            cuts = range(0, len(records), self.batch_size)
            for cut in generator.permutation(cuts).tolist():
                yield Batch(records[cut : cut + self.batch_size], self.epoch)

    def padding_share(self) -> float:
        """The share of padding in the batches of this epoch, computed from the lengths."""
        tokens = padded = 0
        for batch in self:
            lengths = self.dataset.lengths(batch.records)
            tokens += int(lengths.sum())
            padded += int(lengths.max()) * lengths.size
        return 1 - tokens / padded if padded else 0.0


def hash_in_range(post_ids: NDArray[np.int64], low: float, high: float, seed: int) -> NDArray[np.bool_]:
    """Whether the hash of each post id and the seed, a number in [0, 1), is in [low, high)."""
    bits = splitmix64(post_ids.astype(np.uint64) ^ splitmix64(np.uint64(seed)))
    hashes: NDArray[np.float64] = (bits >> np.uint64(11)) / 2.0**53
    return (hashes >= low) & (hashes < high)
