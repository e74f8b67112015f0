import re
from datetime import datetime

import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.products.selection import Dropped, columns_read, read_ids, selected
from booruflow.products.subset import absent_columns, columns_of, conditions, named_tags, with_sizes, without_found

POSTS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "rating": ["g", "s", "e"],
        "score": [5, None, 50],
        "fav_count": [0, 10, None],
        "created_at": [datetime(2019, 12, 31, 23, 59), datetime(2020, 1, 1), datetime(2024, 2, 29)],
        "md5": ["a", "b", "a"],
        "parent_id": [None, 1, None],
        "image_width": [100, 300, None],
        "image_height": [200, 100, 50],
        "artist": ["ink", "", ""],
        "character": ["mirelle", "", "mirelle_(alt)"],
        "copyright": ["", "", ""],
        "general": ["1girl solo", "1girl", ""],
        "meta": ["", "highres", ""],
    },
    schema_overrides={"parent_id": pl.Int64},
)


@pytest.mark.parametrize(
    ("post_filter", "ids"),
    [
        ({}, [1, 2, 3]),
        ({"all": ["mirelle"]}, [1]),
        ({"all": ["1girl"], "none": ["solo"]}, [2]),
        ({"any": ["ink", "highres"]}, [1, 2]),
        ({"any": []}, [1, 2, 3]),
        ({"ratings": ["g", "e"]}, [1, 3]),
        ({"min_score": 10}, [3]),
        ({"min_score": 5, "all": ["1girl"]}, [1]),
        ({"all": ["mirelle*"]}, [1, 3]),
        ({"all": ["*(alt)"]}, [3]),
        ({"all": ["*g*l"]}, [1, 2]),
        ({"none": ["1girl*"]}, [3]),
        ({"all": ["character:mirelle"]}, [1]),
        ({"all": ["artist:mirelle"]}, []),
        ({"all": ["general:1*"], "none": ["meta:*"]}, [1]),
        ({"any": ["artist:*", "meta:high*"]}, [1, 2]),
        ({"all": ["mirelle*solo"]}, []),
        ({"min_fav_count": 1}, [2]),
        ({"from_date": "2020-01-01"}, [2, 3]),
        ({"before_date": "2020-01-01"}, [1]),
        ({"from_date": "2020-01-01", "before_date": "2024-02-29"}, [2]),
        ({"min_side": 100}, [1, 2]),
        ({"min_pixels": 30_000}, [2]),
        ({"min_aspect": 1}, [2]),
        ({"max_aspect": 0.5}, [1]),
        ({"min_tags": 2}, [1, 2]),
        ({"max_tags": 2}, [2, 3]),
        ({"min_tags": 4, "max_tags": 4}, [1]),
        ({"min_score": None}, [1, 2, 3]),
    ],
)
def test_posts_that_match_a_filter(post_filter, ids):
    assert POSTS.select(columns_of(post_filter)).filter(*conditions(post_filter).values())["id"].to_list() == ids


def test_tags_are_counted_whatever_categories_are_empty():
    posts = pl.DataFrame({"artist": "", "character": "a", "copyright": "", "general": "", "meta": "b c"})
    assert posts.filter(*conditions({"min_tags": 3, "max_tags": 3}).values()).height == 1


def select(post_filter, posts=POSTS):
    dropped = Dropped()
    frames = selected(
        [posts.select(columns_read(post_filter)).slice(start, 2) for start in range(0, len(posts), 2)], post_filter, dropped
    )
    return [post for frame in frames for post in frame["id"]], {name: count for name, count in dropped.items() if count}


def test_each_filter_that_leaves_out_posts_says_how_many():
    assert select({"all": ["1girl"], "min_score": 1}) == ([1], {"all: 1girl": 1, "min_score": 1})


def test_duplicates():
    assert select({"duplicates": ["md5"]}) == ([1, 2], {"duplicates: md5": 1})
    assert select({"duplicates": ["parent_id"]}) == ([1, 3], {"duplicates: parent_id": 1})
    assert select({"duplicates": ["md5", "parent_id"]}) == ([1], {"duplicates: md5": 1, "duplicates: parent_id": 1})
    family = pl.DataFrame({"id": [5, 6, 7, 8], "parent_id": [9, 9, None, 7], "md5": [None, None, "c", "c"]})
    assert select({"duplicates": ["parent_id"]}, family)[0] == [5, 7]
    assert select({"duplicates": ["md5"]}, family)[0] == [5, 6, 7]


@pytest.fixture
def many():
    """Posts 0 to 999: ten of each of a hundred artists, every second with a hat."""
    empty = dict.fromkeys(("character", "copyright", "meta"), "")
    rows = [
        {"id": post, "artist": f"artist_{post % 100}", "general": "hat" if post % 2 else "1girl", **empty} for post in range(1000)
    ]
    return pl.DataFrame(rows)


def test_at_most_so_many_posts_a_tag(many):
    ids, dropped = select({"at_most": {"artist": 3}}, many)
    assert len(ids) == 300 and dropped == {"at_most: artist": 700} and ids == sorted(ids)
    assert set(many.filter(pl.col("id").is_in(ids)).group_by("artist").len()["len"]) == {3}
    assert set(ids) != set(range(300))
    ids, dropped = select({"at_most": {"hat": 20, "artist": 3}}, many)
    assert sum(post % 2 for post in ids) <= 20 and dropped["at_most: hat"] == 480
    assert len([post for post in ids if not post % 2]) == 150


def test_a_sample_is_drawn_by_the_seed_and_the_ids_alone(many):
    ids, dropped = select({"sample": 100}, many)
    assert len(ids) == 100 and ids == sorted(ids) and dropped == {"sample": 900}
    assert select({"sample": 100, "seed": 1}, many)[0] != ids
    assert select({"sample": 100}, many.filter(pl.col("id").is_in(ids)))[0] == ids
    assert select({"sample": 5000}, many) == (list(range(1000)), {})
    assert set(select({"sample": 50}, many)[0]) <= set(ids)


def test_a_post_whose_md5_is_not_known_is_no_duplicate():
    posts = pl.DataFrame({"id": [1, 2], "md5": [None, None]}, schema_overrides={"md5": pl.String})
    assert select({"duplicates": ["md5"]}, posts) == ([1, 2], {})


def test_children_of_children_are_of_one_family():
    chain = pl.DataFrame({"id": [1, 2, 3, 4, 9], "parent_id": [None, 1, 2, 3, 8]})
    assert select({"duplicates": ["parent_id"]}, chain) == ([1, 9], {"duplicates: parent_id": 3})
    assert select({"duplicates": ["parent_id"]}, chain.filter(pl.col("id") != 1))[0] == [2, 9], "the parent of all is not there"
    backwards = pl.DataFrame({"id": [1, 2, 3], "parent_id": [2, 3, None]})
    assert select({"duplicates": ["parent_id"]}, backwards)[0] == [3]


def test_parents_in_a_circle_end():
    circle = pl.DataFrame({"id": [1, 2, 3], "parent_id": [2, 3, 1]})
    assert select({"duplicates": ["parent_id"]}, circle)[0]


def test_tags_that_no_post_has_are_found():
    tags = named_tags(
        {"all": ["1girl"], "any": ["mirelle", "sollo"], "none": ["high*", "meta:1girl"], "at_most": {"artist": 1, "inc": 2}}
    )
    assert tags == {"1girl", "mirelle", "sollo", "high*", "meta:1girl", "inc"}
    frames = list(without_found([POSTS[:1], POSTS[1:]], tags))
    assert pl.concat(frames).equals(POSTS) and tags == {"sollo", "meta:1girl", "inc"}
    assert len(list(without_found([POSTS], set()))) == 1


def test_a_star_that_is_part_of_a_name():
    posts = POSTS.with_columns(general=pl.Series(["*", "a*b", "\\||/"]))
    assert posts.filter(*conditions({"all": [r"\*"]}).values())["id"].to_list() == [1]
    assert posts.filter(*conditions({"all": [r"a\*b"]}).values())["id"].to_list() == [2]
    assert posts.filter(*conditions({"all": [r"\\||/"]}).values())["id"].to_list() == [3]


def test_a_list_of_ids(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("# mine\n3\n\n 1 \n999\n")
    assert select({"ids": str(path)}) == ([1, 3], {"ids": 1})
    path.write_text("1\nhttps://x/2\n")
    with pytest.raises(UserError, match=r"ids\.txt: line 2: 'https://x/2' is not a post id: write one id a line"):
        read_ids(str(path))
    path.write_bytes(b"\xef\xbb\xbf1\r\n2")
    assert read_ids(str(path)).to_list() == [1, 2]
    path.write_text("# none\n")
    with pytest.raises(UserError, match=r"ids\.txt: no id in it"):
        read_ids(str(path))


@pytest.mark.parametrize(("key", "value"), [("min_fav_count", 1), ("from_date", "2020-01-01"), ("duplicates", ["md5"])])
def test_a_column_that_is_not_there_is_one_line(key, value):
    names = [name for name in POSTS.columns if name not in ("fav_count", "created_at", "md5")]
    (line,) = absent_columns(names, {"all": ["1girl"], key: value}, "fine")
    assert re.match(rf"config\.yaml: subsets\.fine\.{key}: the metadata have no column \w+: name it under", line)
    assert list(absent_columns(POSTS.columns, {key: value}, "fine")) == []


def test_sizes_are_those_of_the_files_where_they_are_known():
    sizes = pl.DataFrame({"id": [2, 3], "image_width": [7, 8], "image_height": [9, 9]})
    (frame,) = list(with_sizes([POSTS], [sizes]))[:1]
    found = pl.concat(list(with_sizes([POSTS], [sizes])))
    assert found.select("image_width", "image_height").rows() == [(100, 200), (7, 9), (8, 9)]
    assert frame.columns == POSTS.columns
