import csv
from datetime import datetime

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.core.tables import write_stream
from booruflow.sources.metadata_csv import csv_to_parquet
from booruflow.sources.posts import EXTRA_SCHEMA, POSTS_SCHEMA, id_list, posts_of, posts_schema_of, restrict

OURS = ("id", "rating", "score", "general", "artist", "character", "copyright", "meta", "image_width", "image_height", "file_ext")
NUMBERS = ("id", "score", "image_width", "image_height")
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
    with pytest.raises(
        UserError, match=r"no column 'their_rating'.*: set inputs.columns.rating to the right column, or to null if"
    ):
        list(posts_of([str(tmp_path / "a.parquet")], NAMES, tmp_path / "spool"))
    with pytest.raises(UserError, match=r"no column 'their_general'.*: set inputs.columns.general to the right column$"):
        list(posts_of([str(tmp_path / "a.parquet")], NAMES | {"rating": None, "score": None}, tmp_path / "spool"))


def test_columns_that_do_not_exist_are_null_in_the_config(tmp_path):
    """Metadata of Gelbooru's kind: all tags in one column."""
    names = {**dict.fromkeys(NAMES), "id": "id", "general": "tags"}
    pq.write_table(pa.table({"id": [5, 2], "tags": ["a b", None], "rating": ["g", "e"]}), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("tags,id\na b,5\n,2\n")
    csv_to_parquet([tmp_path / "a.csv"], tmp_path / "converted.parquet", names)
    for name in ("a.parquet", "converted.parquet"):
        posts = pl.concat(posts_of([str(tmp_path / name)], names, tmp_path / "spool"))
        assert posts.schema == pl.Schema(POSTS_SCHEMA)
        assert posts.filter(id=5).row(0) == (5, None, None, "a b", "", "", "", "", None, None, None, True)
        assert posts["general"].to_list() == ["", "a b"]


def test_metadata_without_rows_is_refused(tmp_path):
    empty = write(tmp_path / "a.parquet", **{name: [] for name in OURS[:8]})
    with pytest.raises(UserError, match=r"a\.parquet: no posts, as no file has rows: name other files under inputs.metadata"):
        list(posts_of(empty, NAMES, tmp_path / "spool"))
    both = [*empty, *write(tmp_path / "b.parquet")]
    assert pl.concat(posts_of(both, NAMES, tmp_path / "spool"))["id"].to_list() == [2, 5]


words = st.lists(st.sampled_from(["1girl", "red_hair", "^_^", 'a"b', "c,d", "日本", ":;"]), max_size=3).map(" ".join)
sizes = st.none() | st.integers(1, 5000)
rows = st.fixed_dictionaries(
    {"rating": st.sampled_from(["g", "s", "q", "e", None]), "score": st.none() | st.integers(-(2**31), 2**31 - 1)}
    | dict.fromkeys(OURS[3:8], st.none() | words)
    | {"image_width": sizes, "image_height": sizes, "file_ext": st.sampled_from(["png", "webp", None])}
)
WORDS = {"g": "General", "s": "sensitive", "q": "questionable", "e": "EXPLICIT"}


def every_form(table, folder):
    """The same posts as parquet and CSV files, in the types that writers choose."""
    arrow = pa.table(
        {NAMES[name]: pa.array(values, pa.int64() if name in NUMBERS else pa.string()) for name, values in table.items()}
    )
    frame = arrow.to_pandas()
    texts = [NAMES[name] for name in OURS if name not in NUMBERS]
    pq.write_table(arrow, folder / "plain.parquet", row_group_size=3)
    frame.astype(dict.fromkeys(texts, "category")).set_index(NAMES["id"]).to_parquet(folder / "pandas.parquet")
    as_text = {NAMES[name]: pa.array([None if value is None else str(value) for value in table[name]]) for name in OURS}
    pq.write_table(pa.table(as_text), folder / "text.parquet")
    if max(table["id"]) < 2**53:
        views = [arrow[name].cast(pa.string_view() if name in texts else pa.float64()) for name in arrow.column_names]
        pq.write_table(pa.table(views, arrow.column_names), folder / "views.parquet")
    spelled = {**table, "rating": [WORDS.get(rating) for rating in table["rating"]]}
    types = {name: pl.UInt64 if name == "id" else pl.Int64 if name in NUMBERS else pl.String for name in OURS}
    columns = {NAMES[name]: pl.Series(values, dtype=types[name]) for name, values in spelled.items()}
    pl.DataFrame(columns).write_parquet(folder / "polars.parquet")
    frame.to_csv(folder / "pandas.csv", index=False)
    with (folder / "quoted.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r")
        writer.writerow(["unread", *frame.columns])
        writer.writerows([('two\nlines, "quoted"', *row) for row in zip(*spelled.values(), strict=True)])
    arrow[: len(arrow) // 2].to_pandas().to_csv(folder / "half.csv", index=False)
    pq.write_table(arrow[len(arrow) // 2 :], folder / "half.parquet")
    forms = [[path] for path in sorted(folder.glob("*.*")) if path.stem != "half"]
    return [*forms, [folder / "half.csv", folder / "half.parquet"]]


@settings(deadline=None, max_examples=15)
@given(st.dictionaries(st.integers(0, 10**6) | st.integers(10**17, 10**18 - 1), rows, min_size=1, max_size=9))
def test_the_same_posts_in_any_form_give_the_same_bytes(tmp_path_factory, posts):
    folder = tmp_path_factory.mktemp("forms")
    table = {"id": list(posts)} | {name: [post[name] for post in posts.values()] for name in OURS[1:]}
    contents = {}
    for files in every_form(table, folder):
        tables = [str(path) for path in files if path.suffix == ".parquet"]
        if texts := [path for path in files if path.suffix == ".csv"]:
            csv_to_parquet(texts, folder / "converted", NAMES)
            tables.append(str(folder / "converted"))
        write_stream(folder / "posts", posts_of(tables, NAMES, folder / "spool"), POSTS_SCHEMA)
        contents[str(files)] = (folder / "posts").read_bytes()
    assert len(contents) >= 6
    assert len(set(contents.values())) == 1


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


EXTRAS = {
    "fav_count": [7, None],
    "created_at": ["2019-05-01T23:30:00.250-04:00", ""],
    "md5": ["d34e4c1f", None],
    "parent_id": [12, 0],
    "source": ["https://a.b/c,d", ""],
    "is_deleted": [False, True],
    "is_banned": ["f", ""],
}


def test_further_columns_are_in_the_posts_of_metadata_that_have_them(tmp_path):
    names = NAMES | {name: f"their_{name}" for name in EXTRAS}
    tags = {f"their_{name}": ["", ""] for name in OURS[3:8]}
    table = pl.DataFrame({"their_id": [1, 2], "their_rating": ["g", "g"], "their_score": [1, 2], **tags})
    table = table.with_columns(pl.Series(f"their_{name}", values, strict=False) for name, values in EXTRAS.items())
    table.write_parquet(tmp_path / "a.parquet")
    table.write_csv(tmp_path / "a.csv")
    csv_to_parquet([tmp_path / "a.csv"], tmp_path / "b.parquet", names)
    for file in ("a.parquet", "b.parquet"):
        files = [str(tmp_path / file)]
        posts = pl.concat(posts_of(files, names, tmp_path / "spool"))
        assert posts.schema == pl.Schema(posts_schema_of(files, names)) == pl.Schema(POSTS_SCHEMA | EXTRA_SCHEMA)
        found = posts.select(list(EXTRAS)).rows()
        assert found[0] == (7, datetime(2019, 5, 2, 3, 30, 0, 250_000), "d34e4c1f", 12, "https://a.b/c,d", False, False)
        assert found[1][:2] == (None, None) and found[1][3] is None and found[1][5:] == (True, None)
    few = [str(tmp_path / "few.parquet")]
    table.select("their_id", "their_rating", "their_score", *tags, "their_md5").write_parquet(few[0])
    both = pl.concat(posts_of([*few], names, tmp_path / "spool"))
    assert set(both.columns) - set(POSTS_SCHEMA) == {"md5"}
    assert set(posts_schema_of(few, names | {"md5": None})) == set(POSTS_SCHEMA)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("created_at", "yesterday", "their_created_at is 'yesterday', not a time such as"),
        ("created_at", "2019-13-01", "not a time such as"),
        ("is_deleted", "maybe", "their_is_deleted is 'maybe', not true or false: fix"),
        ("is_deleted", 2, "not true or false"),
        ("parent_id", -3, "not an integer"),
        ("fav_count", "many", "not an integer"),
    ],
)
def test_a_further_column_with_something_else_in_it_is_refused(tmp_path, name, value, message):
    files = write(tmp_path / "a.parquet")
    table = pl.read_parquet(files[0]).with_columns(pl.Series(f"their_{name}", [None, value]))
    table.write_parquet(files[0])
    with pytest.raises(UserError, match=rf"a\.parquet: row 1: .*{message}"):
        list(posts_of(files, NAMES | {name: f"their_{name}"}, tmp_path / "spool"))
