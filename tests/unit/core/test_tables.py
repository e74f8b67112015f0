import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from booruflow.core.errors import UserError
from booruflow.core.tables import open_table, read_stream, read_tsv, require_columns, rows_of, write_stream


def test_streams_are_read_back_as_written(tmp_path):
    schema = {"id": pl.Int64, "text": pl.String}
    frame = pl.DataFrame({"id": range(40_000), "text": [str(i) for i in range(40_000)]}, schema=schema)
    for name, size in (("a", 7_001), ("b", 40_000)):
        assert write_stream(tmp_path / name, frame.iter_slices(size), schema) == 40_000
    assert pl.concat(read_stream(tmp_path / "a")).equals(frame)
    assert rows_of(tmp_path / "b") == 40_000
    assert next(f.columns for f in read_stream(tmp_path / "a", ["text"])) == ["text"]


def test_a_compressed_table_is_smaller_and_has_the_same_rows(tmp_path):
    frame = pl.DataFrame({"id": range(20_000), "text": ["1girl solo"] * 20_000})
    for name, compression in (("a", "none"), ("b", "zstd")):
        write_stream(tmp_path / name, frame.iter_slices(7_001), frame.schema, compression=compression)
    assert pl.concat(read_stream(tmp_path / "b")).equals(frame)
    assert (tmp_path / "b").stat().st_size < (tmp_path / "a").stat().st_size / 2


def test_files_that_cannot_be_opened_are_named(tmp_path):
    pq.write_table(pa.table({"id": list(range(1000))}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-100])
    with pytest.raises(UserError, match=r"a\.parquet: not a complete parquet file"):
        open_table(tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"b\.parquet: no such file"):
        open_table(tmp_path / "b.parquet")


def test_the_bytes_depend_on_the_rows_only(tmp_path):
    schema = {"id": pl.Int64, "text": pl.String, "width": pl.Int32}
    words = ["", "word", "another", "x" * 300, None]
    rows = [(i, words[i * i % 7 % 5] or words[i % 5], i % 901) for i in range(140_000)]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    contents = set()
    for size in (140_000, 8_192, 5_001):
        write_stream(tmp_path / "a", frame.iter_slices(size), schema)
        contents.add((tmp_path / "a").read_bytes())
    assert len(contents) == 1
    groups = pq.ParquetFile(tmp_path / "a").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [65_536, 65_536, 8_928]


def test_a_column_that_is_missing_or_there_twice_is_named():
    names = ["id", "text", "id", "tags_artist", "tags_meta"]
    require_columns("a.parquet", names, ["text", "tags_meta"])
    with pytest.raises(
        UserError, match=r"a\.parquet: no column 'tags_metal'; did you mean tags_meta .*\? it has id, text, .*: ask"
    ):
        require_columns("a.parquet", names, ["text", "tags_metal"], "ask")
    with pytest.raises(UserError, match=r"a\.parquet: no column 'caption'; it has none: name the right column in the config"):
        require_columns("a.parquet", [], ["caption"])
    with pytest.raises(UserError, match=r"a\.parquet: two columns 'id': remove or rename one"):
        require_columns("a.parquet", names, ["id"])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a\tb\n1\tx\n2",
        b"a\tb\n1\t\n",
        b"a\tc\n1\tx\n",
        b"a\tb\tc\n1\tx\ty\n",
        b"a\tb\nx\ty\n",
        b"a\tb\n1\t\xff\n",
        b"[1, {\n",
    ],
)
def test_a_text_table_is_read_or_named_as_damaged(tmp_path, text):
    path, schema = tmp_path / "t.tsv", pl.Schema({"a": pl.Int64, "b": pl.String})
    path.write_bytes(b"a\tb\n1\tx\n2\ty\n")
    assert read_tsv(path, schema).rows() == [(1, "x"), (2, "y")]
    path.write_bytes(text)
    with pytest.raises(UserError, match=rf"^{path}: damaged: delete it and run `snakemake`"):
        read_tsv(path, schema)
