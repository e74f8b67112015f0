import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from booruflow.core.errors import UserError
from booruflow.sources.posts import POSTS_SCHEMA, id_list, posts_of, restrict

OURS = ("id", "rating", "score", "general", "artist", "character", "copyright", "meta", "image_width", "image_height", "file_ext")
NAMES = {name: f"their_{name}" for name in OURS}


def write(path, **columns):
    table = {"id": [5, 2], "rating": ["g", None], "score": [3, None], **{tags: ["", None] for tags in OURS[3:8]}} | columns
    pq.write_table(pa.table({NAMES[name]: values for name, values in table.items()}), path)
    return [str(path)]


def test_posts_are_the_metadata_sorted_by_id(tmp_path):
    files = write(tmp_path / "a.parquet", general=["  a\tb  c ", "d"], image_width=[10, 20], file_ext=["png", None])
    posts = pl.concat(posts_of(files, NAMES, tmp_path / "spool"))
    assert posts.schema == pl.Schema(POSTS_SCHEMA)
    assert posts["id"].to_list() == [2, 5]
    assert posts["general"].to_list() == ["d", "a b c"]
    assert posts["artist"].to_list() == ["", ""]
    assert posts["image_width"].to_list() == [20, 10]
    assert posts["image_height"].to_list() == [None, None]
    assert posts["score"].to_list() == [None, 3]


def test_a_score_that_is_not_a_number_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"a\.parquet: row 0: their_score is 'many', not an integer: fix"):
        list(posts_of(write(tmp_path / "a.parquet", score=["many", "3"]), NAMES, tmp_path / "spool"))


def test_a_missing_column_is_refused(tmp_path):
    pq.write_table(pa.table({"their_id": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="no column 'their_rating'"):
        list(posts_of([str(tmp_path / "a.parquet")], NAMES, tmp_path / "spool"))


def test_posts_restricted_to_a_list_of_ids(tmp_path):
    posts = posts_of(write(tmp_path / "a.parquet", general=["x", "y"]), NAMES, tmp_path / "spool")
    kept = pl.concat(restrict(posts, [pl.DataFrame({"id": [2, 4]})]))
    assert kept.select("id", "general", "has_metadata").rows() == [(2, "y", True), (4, "", False)]


def test_the_id_list_is_that_of_the_resolutions_or_of_the_metadata(tmp_path):
    metadata = write(tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": [9, 2, 7]}), tmp_path / "resolutions.parquet")
    assert pl.concat(id_list(metadata, NAMES["id"], None, tmp_path / "spool"))["id"].to_list() == [2, 5]
    resolutions = str(tmp_path / "resolutions.parquet")
    assert pl.concat(id_list(metadata, NAMES["id"], resolutions, tmp_path / "spool"))["id"].to_list() == [2, 7, 9]
