import random

import pandas
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from booruflow.core.errors import UserError
from booruflow.sources.tables import sorted_rows as module
from booruflow.sources.tables.columns import Column
from booruflow.sources.tables.sorted_rows import sorted_rows, table_ids

TEXT = Column("text", "text", pl.String)


def write(path, **columns):
    pq.write_table(pa.table(columns), path)
    return str(path)


def sorted_of(paths, columns, tmp_path):
    return pl.concat(sorted_rows(paths, "id", columns, tmp_path / "spool", "rows"))


@pytest.mark.parametrize("part_rows", [3, 1000])
def test_rows_in_any_order_and_in_several_files_are_sorted(tmp_path, monkeypatch, part_rows):
    monkeypatch.setattr(module, "PART_ROWS", part_rows)
    ids = random.Random(1).sample(range(10**9), 200)
    files = [
        write(tmp_path / f"{k}.parquet", id=part, text=[f"t{i}" for i in part]) for k, part in enumerate((ids[:90], ids[90:]))
    ]
    rows = sorted_of(files, [TEXT], tmp_path)
    assert rows["id"].to_list() == sorted(ids)
    assert rows["text"].to_list() == [f"t{i}" for i in sorted(ids)]
    assert not (tmp_path / "spool").exists()


def test_sorted_files_are_not_sorted_again(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_sorted_by_range", None)
    assert sorted_of([write(tmp_path / "a.parquet", id=[1, 5, 7], text=list("abc"))], [TEXT], tmp_path)["text"].to_list() == list(
        "abc"
    )


def test_ids_in_the_pandas_index(tmp_path):
    frame = pandas.DataFrame({"text": ["a", "b"]}, index=[7, 3])
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(
        UserError, match=r"a\.parquet: no column 'id', and an index without a name, .* set it to __index_level_0__$"
    ):
        sorted_of([tmp_path / "a.parquet"], [TEXT], tmp_path)
    rows = pl.concat(sorted_rows([tmp_path / "a.parquet"], "__index_level_0__", [TEXT], tmp_path / "spool", "test"))
    assert rows["id"].to_list() == [3, 7]
    frame.rename_axis("post").to_parquet(tmp_path / "b.parquet")
    assert sorted_of([tmp_path / "b.parquet"], [TEXT], tmp_path)["text"].to_list() == ["b", "a"]


def test_an_index_that_pandas_keeps_as_a_range(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROWS", 3)
    frame = pandas.DataFrame({"post": range(30, 0, -3), "text": list("abcdefghij")})
    frame.set_index("post").to_parquet(tmp_path / "a.parquet")
    assert "post" not in pq.read_schema(tmp_path / "a.parquet").names
    rows = sorted_of([tmp_path / "a.parquet"], [TEXT], tmp_path)
    assert rows.rows() == sorted(zip(range(30, 0, -3), "abcdefghij", strict=True))
    frame[["text"]].to_parquet(tmp_path / "b.parquet")
    with pytest.raises(
        UserError, match=r"b\.parquet: no column 'id'; it has text: set the id column, as there is no pandas index"
    ):
        sorted_of([tmp_path / "b.parquet"], [TEXT], tmp_path)


def test_an_index_of_several_levels_is_refused(tmp_path):
    frame = pandas.DataFrame({"id": [1, 1, 2], "page": [1, 2, 1], "text": ["a", "b", "c"]}).set_index(["id", "page"])
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match="row 1: id 1 is already at"):
        sorted_of([tmp_path / "a.parquet"], [TEXT], tmp_path)
    frame.rename_axis(["post", "page"]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet: no column 'id', and an index of several levels, post, page: set the id"):
        sorted_of([tmp_path / "a.parquet"], [TEXT], tmp_path)


def test_two_columns_of_one_name_are_refused(tmp_path):
    pq.write_table(pa.table([[1], [2]], ["id", "id"]), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet: two columns 'id'"):
        table_ids(tmp_path / "a.parquet", "id")
    pq.write_table(pa.table([[1], ["a"], ["b"]], ["id", "text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet: two columns 'text'"):
        sorted_of([tmp_path / "a.parquet"], [TEXT], tmp_path)
    assert len(sorted_of([tmp_path / "a.parquet"], [], tmp_path)) == 1


def test_files_without_rows_are_passed_over(tmp_path):
    empty = write(tmp_path / "a.parquet", id=pa.array([], pa.int64()), text=pa.array([], pa.string()))
    assert sorted_of([empty], [TEXT], tmp_path).schema == pl.Schema({"id": pl.Int64, "text": pl.String})
    assert len(sorted_of([empty, write(tmp_path / "b.parquet", id=[1], text=["a"])], [TEXT], tmp_path)) == 1


def test_dictionaries_are_decoded_when_rows_are_sorted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART_ROWS", 2)
    frame = pandas.DataFrame({"id": [9, 3, 7, 1], "text": pandas.Categorical(["b", None, "a", "b"])})
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=1)
    assert sorted_of([tmp_path / "a.parquet"], [TEXT], tmp_path)["text"].to_list() == ["b", None, "a", "b"]


def test_optional_columns_are_null_where_absent(tmp_path):
    path = write(tmp_path / "a.parquet", id=[1], text=["a"])
    width = Column("width", "w", pl.Int32, required=False)
    assert sorted_of([path], [TEXT, width], tmp_path).to_dicts() == [{"id": 1, "text": "a", "width": None}]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, None, 3], "row 1: id is None"),
        ([1, 2, -3], "row 2: id is -3"),
        ([1.0, 2.5], "row 1: id is 2.5"),
        (["1", "x2"], "row 1: id is 'x2'"),
        ([2**63 + 1], "row 0: id is"),
        ([5, 10**18], "row 1: id is 1000000000000000000, not a post id"),
        ([4, 9, 4], "row 2: id 4 is already at .* row 0"),
    ],
)
def test_bad_ids_are_refused_with_their_row(tmp_path, ids, message):
    kind = pa.uint64() if ids == [2**63 + 1] else None
    path = write(tmp_path / "a.parquet", id=pa.array(ids, kind))
    with pytest.raises(UserError, match=message):
        list(sorted_rows([path], "id", [], tmp_path / "spool", "rows"))


@pytest.mark.parametrize("ids", [[3.0, 1.0], ["3", "1"], pa.array([3, 1], pa.int32())])
def test_integers_of_any_type_are_ids(tmp_path, ids):
    assert table_ids(write(tmp_path / "a.parquet", id=ids), "id").tolist() == [3, 1]


def test_a_missing_column_is_named(tmp_path):
    path = write(tmp_path / "a.parquet", id=[1], text=["a"])
    with pytest.raises(UserError, match=r"a.parquet: no column 'caption'; it has id, text"):
        list(sorted_rows([path], "id", [Column("caption", "caption", pl.String)], tmp_path / "spool", "rows"))
    with pytest.raises(UserError, match="no column 'post'; it has id, text: set the id column, as there is no pandas index"):
        table_ids(path, "post")


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "a.parquet"
    write(path, id=list(range(100_000)), text=["x" * (i % 50) for i in range(100_000)])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"a\.parquet: not a complete parquet file"):
        table_ids(path, "id")
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(5000) + content[middle + 5000 :])
    with pytest.raises(UserError, match=r"a\.parquet: "):
        list(sorted_rows([path], "id", [TEXT], tmp_path / "spool", "rows"))
    with pytest.raises(UserError, match="no such file"):
        table_ids(tmp_path / "b.parquet", "id")


def test_bytes_that_are_not_utf8_are_refused_with_their_row(tmp_path):
    binary = pa.array([b"fine", b"\xff\xfe"], pa.binary())
    text = pa.StringArray.from_buffers(2, binary.buffers()[1], binary.buffers()[2])
    path = write(tmp_path / "a.parquet", id=[1, 2], text=text)
    with pytest.raises(UserError, match="row 1: column text is not UTF-8"):
        list(sorted_rows([path], "id", [TEXT], tmp_path / "spool", "rows"))
