import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from booruflow.core.errors import UserError
from booruflow.core.streams import merged_latest
from booruflow.sources.base_captions import caption_entries, caption_streams, join_columns


def test_text_columns_are_joined_and_rows_without_text_left_out():
    frame = pl.DataFrame(
        {
            "id": [1, 2, 3, 4, 5],
            "a": [None, " \u2028", "x\ny ", "q", ""],
            "b": [float("nan")] * 5,
            "c": ["k", "", "z", None, "\t"],
        }
    )
    assert dict(join_columns(frame, ["c", "a", "b"]).iter_rows()) == {1: "k", 3: "z x\ny", 4: "q"}


def test_columns_of_numbers_are_refused():
    with pytest.raises(UserError, match="column 'a' holds numbers"):
        join_columns(pl.DataFrame({"id": [1], "a": [1.5]}), ["a"])


def test_later_sources_win(tmp_path):
    pq.write_table(pa.table({"index": [3, 1], "a": ["three", "one"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": [5], "caption": ["five"]}), tmp_path / "c0.parquet")
    pq.write_table(pa.table({"id": [3], "caption": ["drei"]}), tmp_path / "converted.parquet")
    a, c, converted = (str(tmp_path / name) for name in ("a.parquet", "c0.parquet", "converted.parquet"))
    sources = [
        {"files": [a], "id": "index", "columns": ["a"]},
        {"files": ["x.json", "y.json"], "id": "id", "columns": ["caption"]},
        {"files": [c], "id": "id", "columns": ["caption"]},
    ]
    streams = caption_streams(sources, [False, True, False], [a, converted, c], tmp_path / "base.json")
    entries = pl.concat(caption_entries(merged_latest(streams)))
    assert dict(entries.iter_rows()) == {1: '{"caption":"one"}', 3: '{"caption":"drei"}', 5: '{"caption":"five"}'}


def test_without_sources_there_are_no_captions(tmp_path):
    assert pl.concat(caption_entries(merged_latest(caption_streams([], [], [], tmp_path / "base.json")))).is_empty()
