import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from booruflow.streams import in_step, overlaid


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
        assert min(present) > last
        last = max(present)
        for got, frame in zip(seen, frames, strict=True):
            got += frame["id"].to_list()
    assert seen == [rows for rows, _ in streams]


@given(ids, ids, cuts)
def test_of_equal_ids_the_later_stream_stays(first, second, sizes):
    merged = (
        pl.concat(overlaid([framed(first, list(sizes)), framed(second, list(sizes))]) or [], how="vertical")
        if first or second
        else None
    )
    if merged is None:
        return
    expected = dict.fromkeys(first, 0) | dict.fromkeys(second, 1)
    assert dict(zip(merged["id"].to_list(), merged["source"].to_list(), strict=True)) == dict(sorted(expected.items()))


def test_no_rows_no_steps():
    assert list(in_step([framed([], [])])) == []
