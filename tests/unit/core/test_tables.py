import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from booruflow.core.errors import UserError
from booruflow.core.tables import open_table, read_stream, require_columns, rows_of, write_stream


def test_streams_are_read_back_as_written(tmp_path):
    schema = {"id": pl.Int64, "text": pl.String}
    frame = pl.DataFrame({"id": range(40_000), "text": [str(i) for i in range(40_000)]}, schema=schema)
    for name, size in (("a", 7_001), ("b", 40_000)):
        assert write_stream(tmp_path / name, frame.iter_slices(size), schema) == 40_000
    assert pl.concat(read_stream(tmp_path / "a")).equals(frame)
    assert rows_of(tmp_path / "b") == 40_000
    assert next(f.columns for f in read_stream(tmp_path / "a", ["text"])) == ["text"]


def test_files_that_cannot_be_opened_are_named(tmp_path):
    pq.write_table(pa.table({"id": list(range(1000))}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-100])
    with pytest.raises(UserError, match=r"a\.parquet: not a complete parquet file"):
        open_table(tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"b\.parquet: no such file"):
        open_table(tmp_path / "b.parquet")


def test_a_missing_column_is_named(tmp_path):
    pq.write_table(pa.table({"id": [1], "text": ["a"]}), tmp_path / "a.parquet")
    require_columns(open_table(tmp_path / "a.parquet"), "a.parquet", ["text", "id"])
    with pytest.raises(UserError, match=r"a\.parquet: no column 'caption'; it has id, text"):
        require_columns(open_table(tmp_path / "a.parquet"), "a.parquet", ["text", "caption"])
