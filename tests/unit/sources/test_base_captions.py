import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from booruflow.core.errors import UserError
from booruflow.core.streams import merged_latest
from booruflow.sources.base_captions import CAPTIONS_SCHEMA, caption_entries, caption_streams, captions_of_posts


def captions(tmp_path, columns, **table):
    """The captions of a parquet file with the columns of `table`."""
    pq.write_table(pa.table({"id": range(1, 1 + len(next(iter(table.values())))), **table}), tmp_path / "a.parquet")
    source = {"files": ["a"], "id": "id", "columns": columns}
    streams = caption_streams([source], [False], [str(tmp_path / "a.parquet")], tmp_path / "base.json")
    return dict(pl.concat(streams[0]).iter_rows())


def test_text_columns_are_joined_and_rows_without_text_left_out(tmp_path):
    table = {
        "a": [None, " \u2028", "x\ny ", "q", ""],
        "b": [float("nan"), None] * 2 + [None],
        "c": pa.array(["k", "", "z", None, "\t"]).dictionary_encode(),
    }
    assert captions(tmp_path, ["c", "a", "b"], **table) == {1: "k", 3: "z x\ny", 4: "q"}
    assert captions(tmp_path, ["b"], **table) == {}


@pytest.mark.parametrize("value", [1.5, 7, False, {"a": "b"}, ["a"]])
def test_columns_without_text_are_refused(tmp_path, value):
    with pytest.raises(UserError, match=r"a\.parquet: row 1: a \(.*\) is .*, not text: write the column in another type"):
        captions(tmp_path, ["a"], a=[None, value])


def test_a_caption_column_that_a_file_lacks_is_named_with_its_key(tmp_path):
    with pytest.raises(UserError, match=r"no column 'captoin'; did you mean caption\? .*: correct inputs\.captions\.0\.columns"):
        captions(tmp_path, ["captoin"], caption=["a"])


def test_the_id_column_can_be_a_caption_column_by_name_only(tmp_path):
    assert captions(tmp_path, ["text"], text=["a"]) == {1: "a"}
    with pytest.raises(UserError, match=r"id .* is 1, not text"):
        captions(tmp_path, ["id"], text=["a"])


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
    ids = [pl.DataFrame({"id": [1]})]
    streams = caption_streams([], [], [], tmp_path / "base.json")
    assert pl.concat(caption_entries(captions_of_posts(streams, ids))).is_empty()


def of_posts(sources, posts):
    """The ids of the captions of posts, from sources that are lists of frames of ids."""

    def stream(frames):
        return [pl.DataFrame({"id": ids, "caption": ["x"] * len(ids)}, schema=CAPTIONS_SCHEMA) for ids in frames]

    ids = [pl.DataFrame({"id": posts}, schema={"id": pl.Int64})]
    return [post for frame in captions_of_posts([stream(frames) for frames in sources], ids) for post in frame["id"]]


def test_captions_of_no_post_are_refused(capsys):
    assert of_posts([[[1, 2], [5]]], [2, 3, 5]) == [2, 5]
    assert capsys.readouterr().out == "3 captions found, 2 of posts of the data set\n"
    assert of_posts([], [1]) == []
    with pytest.raises(UserError, match=r"^config\.yaml: inputs\.captions: no caption is of a post"):
        of_posts([[[1, 2]]], [3, 4])
    with pytest.raises(
        UserError, match=r"^config\.yaml: inputs\.captions: no caption in the files: name other files or columns, or leave"
    ):
        of_posts([[[]]], [1])


def test_a_source_without_a_caption_of_a_post_is_a_warning_where_another_has_some(capsys):
    assert of_posts([[[1, 2]], [[7], [9]], [[]], [[2, 3, 8]]], [2, 3, 5]) == [2, 3]
    assert capsys.readouterr().out.splitlines() == [
        "7 captions found, 2 of posts of the data set",
        "warning: config.yaml: inputs.captions.1: no caption is of a post of the data set: set the id of the sources to their"
        " column of post ids",
        "warning: config.yaml: inputs.captions.2: no caption in the files: name other files or columns, or leave the source out",
    ]


def test_without_posts_it_is_the_metadata_that_is_wrong(capsys):
    assert of_posts([[[1, 2]]], []) == []
    assert capsys.readouterr().out == "2 captions found, 0 of posts of the data set\n"
