import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.core.streams import aligned, merged_latest, parallel_map, prefetched, semi_join


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


@given(st.lists(st.tuples(ids, cuts), min_size=1, max_size=4), st.sampled_from([1, 3]))
def test_each_row_appears_once_and_in_order_of_ids(streams, few_rows):
    seen = [[] for _ in streams]
    last = -1
    for frames in aligned([framed(list(rows), list(sizes)) for rows, sizes in streams], few_rows):
        present = [int(i) for frame in frames for i in frame["id"]]
        assert min(present, default=0) > last
        last = max(present, default=0)
        for got, frame in zip(seen, frames, strict=True):
            got += frame["id"].to_list()
    assert seen == [rows for rows, _ in streams]


def test_what_a_cut_leaves_of_a_frame_is_joined_to_the_next():
    streams = [framed(range(12), [4, 4, 4]), framed(range(12), [6, 6])]
    assert [[len(frame) for frame in frames] for frames in aligned(streams, few_rows=3)] == [[4, 4], [4, 4], [4, 4]]
    streams = [framed(range(12), [4, 4, 4]), framed(range(12), [6, 6])]
    assert [[len(frame) for frame in frames] for frames in aligned(streams, few_rows=1)] == [[4, 4], [2, 2], [2, 2], [4, 4]]


@given(ids, ids, cuts)
def test_of_equal_ids_the_row_of_the_later_stream_is_kept(first, second, sizes):
    later = (frame.with_columns(x=pl.lit("later")) for frame in framed(second, list(sizes)))
    merged = pl.concat(merged_latest([framed(first, list(sizes)), later]))
    expected = {i: f"x{i}" for i in first} | dict.fromkeys(second, "later")
    assert list(merged.iter_rows()) == sorted(expected.items())


def test_semi_join_keeps_the_rows_with_the_ids():
    rows = pl.DataFrame({"id": [1, 2, 5], "value": list("abc")})
    assert pl.concat(semi_join([rows], [pl.DataFrame({"id": [2, 3, 5]})]))["value"].to_list() == ["b", "c"]


def test_streams_without_rows_give_one_list_of_empty_frames():
    assert [[frame.schema for frame in frames] for frames in aligned([framed([], []), framed([], [], "y")])] == [
        [pl.Schema({"id": pl.Int64, "x": pl.String}), pl.Schema({"id": pl.Int64, "y": pl.String})]
    ]


def test_prefetching_keeps_the_order_and_is_one_item_ahead():
    computed = []

    def items():
        for n in range(5):
            computed.append(n)
            yield n

    stream = prefetched(items())
    assert next(stream) == 0
    deadline = time.monotonic() + 10
    while computed != [0, 1] and time.monotonic() < deadline:
        time.sleep(0.001)
    assert computed == [0, 1]
    assert list(stream) == [1, 2, 3, 4]
    assert list(prefetched([])) == []


def test_prefetching_raises_the_error_of_its_source():
    def broken():
        yield 1
        raise UserError("row 2 is broken")

    stream = prefetched(broken())
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
