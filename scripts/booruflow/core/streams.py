"""Streams: iterators of data frames whose `id` column ascends within and across frames.

Everything that is keyed by post id is kept sorted, so that any number of sources can be walked side by side in
memory that does not depend on their length.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat
from typing import TypeVar

import polars as pl

Stream = Iterator[pl.DataFrame]

T = TypeVar("T")
R = TypeVar("R")

ROWS = 8_192
"""Rows of a frame: small enough to stay in the processor's cache, which is worth a factor of three."""


def in_step(streams: Sequence[Iterable[pl.DataFrame]]) -> Iterator[list[pl.DataFrame]]:
    """Walk sorted streams side by side.

    Yields lists with one frame per stream, in the order given: all rows of each stream up to a common id. Each row
    of each stream appears exactly once. A stream that has nothing in a step gives an empty frame; a stream that is
    empty altogether must still yield one empty frame, for its columns. So what comes of the lists is such a stream too:
    when there are no rows at all, there is still one list.
    """
    iterators = [iter(stream) for stream in streams]
    held = [next(iterator) for iterator in iterators]
    open_ = [True] * len(iterators)
    first = True
    while True:
        for i, iterator in enumerate(iterators):
            while open_[i] and held[i].is_empty():
                following = next(iterator, None)
                if following is None:
                    open_[i] = False
                else:
                    held[i] = following
        ends = [frame["id"][-1] for frame in held if not frame.is_empty()]
        if not ends:
            if first:
                yield held
            return
        first = False
        cuts = [int(frame["id"].search_sorted(min(ends), side="right")) for frame in held]
        yield [frame.head(cut) for frame, cut in zip(held, cuts, strict=True)]
        held = [frame.slice(cut) for frame, cut in zip(held, cuts, strict=True)]


def overlaid(streams: Sequence[Iterable[pl.DataFrame]]) -> Stream:
    """Merge sorted streams of equal columns into one: of rows with the same id, the one of the later stream stays."""
    for frames in in_step(streams):
        some = [frame for frame in frames if len(frame)] or frames[:1]
        if len(some) == 1:  # as most often: nothing to merge
            yield some[0]
        else:
            yield pl.concat(some).sort("id", maintain_order=True).unique("id", keep="last", maintain_order=True)


def only(ids: Iterable[pl.DataFrame], stream: Iterable[pl.DataFrame]) -> Stream:
    """The rows of a sorted stream whose id is in the sorted stream `ids`."""
    for wanted, rows in in_step([ids, stream]):
        yield rows.join(wanted.select("id"), on="id", how="semi", maintain_order="left")


def ahead(stream: Iterable[T]) -> Iterator[T]:
    """Pass a stream on; a thread makes the next item while this one is in use."""
    items, end = iter(stream), object()
    for item in parallel_map(lambda _: next(items, end), repeat(None), 1):
        if item is end:
            return
        yield item  # type: ignore[misc]


def parallel_map(function: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """Like `map`, in order, on `threads` threads; at most one item per thread is computed in advance."""
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[R]] = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
