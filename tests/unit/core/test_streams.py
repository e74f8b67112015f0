import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.core.streams import ahead, in_step, overlaid, parallel_map


def framed(ids, sizes, column="x"):
    """The ids as a stream, cut into frames of the given sizes."""
    frame = pl.DataFrame({"id": ids, column: [f"{column}{i}" for i in ids]}, schema={"id": pl.Int64, column: pl.String})
    yield frame.head(0)
    while len(frame):
        size = sizes.pop() if sizes else len(frame)
        yield frame.head(size)
        frame = frame.slice(size)


ids = st.lists(st.integers(0, 60), unique=True).map(sorted)
cuts = st.lists(st.integers(0, 5), max_size=20)


@given(st.lists(st.tuples(ids, cuts), min_size=1, max_size=4))
def test_each_row_appears_once_and_in_step(streams):
    seen = [[] for _ in streams]
    last = -1
    for frames in in_step([framed(list(rows), list(sizes)) for rows, sizes in streams]):
        present = [int(i) for frame in frames for i in frame["id"]]
        assert min(present, default=0) > last
        last = max(present, default=0)
        for got, frame in zip(seen, frames, strict=True):
            got += frame["id"].to_list()
    assert seen == [rows for rows, _ in streams]


@given(ids, ids, cuts)
def test_of_equal_ids_the_later_stream_stays(first, second, sizes):
    later = (frame.with_columns(x=pl.lit("later")) for frame in framed(second, list(sizes)))
    merged = pl.concat(overlaid([framed(first, list(sizes)), later]))
    expected = {i: f"x{i}" for i in first} | dict.fromkeys(second, "later")
    assert list(merged.iter_rows()) == sorted(expected.items())


def test_no_rows_one_step_of_empty_frames():
    assert [[frame.schema for frame in frames] for frames in in_step([framed([], []), framed([], [], "y")])] == [
        [pl.Schema({"id": pl.Int64, "x": pl.String}), pl.Schema({"id": pl.Int64, "y": pl.String})]
    ]


def test_ahead_passes_everything_on_in_order_and_works_one_item_ahead():
    made = []

    def items():
        for n in range(5):
            made.append(n)
            yield n

    stream = ahead(items())
    assert next(stream) == 0
    deadline = time.monotonic() + 10
    while made != [0, 1] and time.monotonic() < deadline:
        time.sleep(0.001)
    assert made == [0, 1]
    assert list(stream) == [1, 2, 3, 4]
    assert list(ahead([])) == []


def test_ahead_raises_what_its_source_raises():
    def broken():
        yield 1
        raise UserError("row 2 is broken")

    stream = ahead(broken())
    assert next(stream) == 1
    with pytest.raises(UserError, match="row 2"):
        next(stream)


@pytest.mark.parametrize("threads", [1, 3])
def test_parallel_map_keeps_the_order_and_reads_one_item_per_thread_in_advance(threads):
    read = []

    def items():
        for n in range(20):
            read.append(n)
            yield n

    results = parallel_map(lambda n: n * n, items(), threads)
    assert next(results) == 0
    assert read == list(range(threads + 1))
    assert list(results) == [n * n for n in range(1, 20)]
