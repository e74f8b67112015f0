"""All posts as one token file, and what there is to know about it: counts, lengths, a histogram."""

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure
from numpy.typing import NDArray

from booruflow.core.files import open_whole
from booruflow.core.progress import progress
from booruflow.core.tables import open_table
from booruflow.tokens import CATEGORIES
from booruflow.tokens.binary import token_writer
from booruflow.tokens.columns import post_batches
from booruflow.tokens.encoding import Encoded, Encoder, Tally
from booruflow.tokens.thresholds import save_svg
from booruflow.tokens.vocabulary import Vocabulary

T = TypeVar("T")
R = TypeVar("R")

PERCENTILES = (1, 5, 25, 50, 75, 95, 99, 99.5, 99.9, 100)


@dataclass
class Summary:
    """What came of encoding all posts; `lengths[n]` posts need n tokens, before any is truncated to `max_length`."""

    max_length: int
    tally: Tally = field(default_factory=Tally)
    lengths: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))

    def add(self, encoded: Encoded) -> None:
        """Count a batch in."""
        self.tally.add(encoded.tally)
        more = np.bincount(encoded.untruncated, minlength=self.lengths.size)
        more[: self.lengths.size] += self.lengths
        self.lengths = more

    def to_json(self) -> dict[str, object]:
        """Counts and length statistics, as JSON takes them."""
        up_to = np.cumsum(self.lengths)
        posts = int(up_to[-1])
        mean = float(self.lengths @ np.arange(self.lengths.size)) / max(posts, 1)
        ranks = [math.ceil(posts * share / 100) for share in PERCENTILES]
        percentiles = dict(zip(map(str, PERCENTILES), np.searchsorted(up_to, ranks).tolist(), strict=True))
        return {"max_length": self.max_length, **asdict(self.tally), "length": {"mean": round(mean, 3), **percentiles}}


def write_tokens(posts: Path, vocabulary: Vocabulary, path: Path, max_length: int, threads: int) -> Summary:
    """Encode a posts file into a token file and its index; the bytes do not depend on `threads`.

    Raises:
        UserError: the posts cannot be read or are not sorted by id, or a file cannot be written.
    """
    encoder = Encoder(vocabulary, max_length)
    summary = Summary(max_length)
    columns = ["id", "rating", *(["score"] if vocabulary.score_ids else []), *CATEGORIES]
    records = open_table(posts).metadata.num_rows

    def encoded(batch: pa.RecordBatch) -> tuple[NDArray[np.int64], Encoded]:
        return batch.column("id").to_numpy(), encoder.encode(batch)

    with token_writer(path, vocabulary, records) as writer, progress(records, "encoding posts") as bar:
        for post_ids, batch in _ahead(encoded, post_batches(posts, columns), threads):
            writer.append(post_ids, batch.lengths, batch.tokens)
            summary.add(batch)
            bar.update(len(post_ids))
    return summary


def write_summary(summary: Summary, json_path: Path, lengths_path: Path, plot_path: Path) -> None:
    """Write the counts (JSON), the table of lengths (TSV) and its histogram (SVG).

    Raises:
        UserError: a file cannot be written.
    """
    with open_whole(json_path) as file:
        file.write(json.dumps(summary.to_json(), indent=1).encode() + b"\n")
    with open_whole(lengths_path) as file:
        file.write(b"tokens\tposts\n")
        file.writelines(b"%d\t%d\n" % (n, summary.lengths[n]) for n in np.flatnonzero(summary.lengths))
    _plot_lengths(summary, plot_path)


def _plot_lengths(summary: Summary, path: Path) -> None:
    """Posts by tokens needed; bars 4 tokens wide, up to the 99.9th percentile or `max_length`, then one for the rest."""
    width = 4
    end = max(summary.max_length, int(np.searchsorted(np.cumsum(summary.lengths), 0.999 * summary.lengths.sum()))) + 1
    bars = np.zeros(-(-end // width) + 1, np.int64)
    np.add.at(bars, np.minimum(np.arange(summary.lengths.size) // width, bars.size - 1), summary.lengths)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.bar(np.arange(bars.size) * width, bars, width, align="edge")
    axes.axvline(summary.max_length + 1, color="black", linestyle=":", label=f"longest kept: {summary.max_length}")
    axes.set(xlabel="tokens a post needs (the last bar: that many or more)", ylabel="posts")
    axes.legend()
    save_svg(figure, path)


def _ahead(function: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`map`, in order, with so many threads, each at most one item ahead."""
    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[R]] = deque()
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) > threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
