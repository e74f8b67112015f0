"""Records per second from the token file, against copying and padding the same bytes.

    python benchmarks/token_loader.py --posts 500000 [--batch-size 256] [--workers 2]

The lower bound copies the bytes of each batch, which are contiguous there, and pads them, without any look-up.
The posts are synthetic (see synthetic.py).
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from token_file import write_posts
from torch.utils.data import DataLoader

from booruflow.tokens.dataset import LengthBatches, TokenDataset
from booruflow.tokens.encoding import write_tokens
from booruflow.tokens.prevalence import count_tags
from booruflow.tokens.token_file import TokenFile
from booruflow.tokens.vocabulary import SECTION_ORDER, build_vocabulary, select_tags


def copy_and_pad(tokens: TokenFile, lengths: list[np.ndarray], pad: int) -> Iterable[dict[str, torch.Tensor]]:
    """Batches of the given lengths, copied from consecutive positions of the file and padded."""
    start = 0
    for each in lengths:
        end = start + int(each.sum())
        copied = tokens.tokens[start:end].copy()
        kept = np.arange(each.max()) < each[:, None]
        ids = np.full(kept.shape, pad, np.int64)
        ids[kept] = copied
        yield {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(kept.astype(np.int64))}
        start = end


def rate(batches: Iterable[dict[str, torch.Tensor]]) -> float:
    """Records per second."""
    began, records = time.perf_counter(), 0
    for batch in batches:
        records += len(batch["input_ids"])
    return records / (time.perf_counter() - began)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=500_000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        posts, path = Path(folder) / "posts.parquet", Path(folder) / "tokens.bin"
        write_posts(posts, options.posts)
        vocabulary = build_vocabulary(select_tags(count_tags(posts), dict.fromkeys(SECTION_ORDER, 16)))
        write_tokens(posts, vocabulary, path, 256, threads=2)
        tokens = TokenFile(path, vocabulary)
        dataset = TokenDataset(tokens, shuffle_tags=False)
        shuffled = TokenDataset(tokens)
        sampler = LengthBatches(dataset, options.batch_size)
        batches = list(sampler)
        lengths = [dataset.lengths(batch.records) for batch in batches]
        pad = vocabulary.special["pad"]
        print(f"{options.posts:,} posts, batches of {options.batch_size}, padding {sampler.padding_share():.2%}")
        shuffled[batches[0]]  # compiles the functions
        ratios = []
        for _ in range(options.repeats):
            best = rate(copy_and_pad(tokens, lengths, pad))
            plain = rate(dataset[batch] for batch in batches)
            mixed = rate(shuffled[batch] for batch in batches)
            print(
                f"copy and collate {best:,.0f}/s; dataset {plain:,.0f}/s ({best / plain:.2f}x); "
                f"with shuffled tags {mixed:,.0f}/s ({best / mixed:.2f}x)"
            )
            ratios.append((best / plain, best / mixed))
        middle = [statistics.median(column) for column in zip(*ratios, strict=True)]
        print(f"median: dataset {middle[0]:.2f}x, with shuffled tags {middle[1]:.2f}x")
        for workers in (0, options.workers):
            loader = DataLoader(shuffled, sampler=sampler, batch_size=None, num_workers=workers)
            print(f"DataLoader, {workers} workers, shuffled tags: {rate(loader):,.0f}/s")


if __name__ == "__main__":
    main()
