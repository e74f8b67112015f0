import csv

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.core.tables import write_stream
from booruflow.sources.metadata_csv import csv_to_parquet
from booruflow.sources.posts import POSTS_SCHEMA, id_list, posts_of, restrict

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
