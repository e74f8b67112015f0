import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.tags import quality
from booruflow.tags.quality import GROUP, cutoffs, quality_word, write_cutoffs, years

WORDS = {"worst": 0, "best": 85, "masterpiece": 95, "normal": 25}


def frame(rows):
    return pl.DataFrame(rows, schema={"rating": pl.String, "year": pl.Int32, "value": pl.Int64}, orient="row")


def words_of(posts, min_posts=1, words=WORDS):
    table = cutoffs([posts], words, min_posts)
    return (
        posts.join(table, on=list(GROUP), how="left", maintain_order="left", nulls_equal=True)
        .select(quality_word(words))
        .to_series()
    )


def test_a_hundred_different_values_are_cut_at_the_percentiles():
    found = words_of(frame([("g", 2020, value) for value in range(100)]))
    assert found.value_counts().sort("count").rows() == [("masterpiece", 5), ("best", 10), ("worst", 25), ("normal", 60)]
    assert found.to_list()[94:96] == ["best", "masterpiece"]


def test_equal_values_get_equal_words_and_a_group_of_equals_is_in_the_middle():
    assert set(words_of(frame([("g", 2020, 7)] * 9))) == {"normal"}


def test_small_groups_are_ranked_among_all_years_of_their_rating_then_among_all():
    posts = frame([("g", 2020, n) for n in range(10)] + [("g", 2021, 100)] + [("s", 2020, 3), (None, 2020, 50), ("g", None, 4)])
    table = cutoffs([posts], WORDS, 5)
    assert table.select("rating", "year", "posts", "among").rows() == [
        ("g", 2020, 10, "year"),
        ("g", 2021, 1, "rating"),
        ("g", None, 1, "rating"),
        ("s", 2020, 1, "all"),
        (None, 2020, 1, "all"),
    ]
    assert words_of(posts, 5).to_list()[10:] == ["masterpiece", "normal", "best", "normal"]


def test_a_post_without_a_value_gets_no_word_and_does_not_count():
    posts = frame([("g", 2020, None), ("g", 2020, 3)])
    assert words_of(posts).to_list() == [None, "normal"]
    assert cutoffs([posts], WORDS, 1)["posts"].to_list() == [1]


def test_an_empty_word_is_none():
    assert words_of(frame([("g", 2020, 1)]), words={"": 0, "best": 85}).to_list() == [None]


def test_a_word_that_no_post_reaches_has_no_value(tmp_path):
    table = cutoffs([frame([("g", 2020, 1)])], WORDS, 1)
    write_cutoffs(tmp_path / "cutoffs.tsv", table)
    text = (tmp_path / "cutoffs.tsv").read_text()
    assert text == "rating\tyear\tposts\tamong\tmasterpiece\tbest\tnormal\tworst\ng\t2020\t1\tyear\t\t\t1\t1\n"


def test_without_words_the_table_has_no_rows(tmp_path):
    write_cutoffs(tmp_path / "cutoffs.tsv", cutoffs((), {}, 100))
    assert (tmp_path / "cutoffs.tsv").read_text() == "rating\tyear\tposts\tamong\n"


def test_years_are_those_of_the_upload():
    posts = pl.DataFrame({"rating": ["g"], "created_at": [1_600_000_000_000], "score": [3]}).cast(
        {"created_at": pl.Datetime("ms")}
    )
    assert next(years([posts], "score")).rows() == [("g", 2020, 3)]
    assert next(years([posts.drop("created_at")], "score")).rows() == [("g", None, 3)]


groups = st.tuples(st.sampled_from(["g", "e", None]), st.sampled_from([2020, 2021, None]), st.none() | st.integers(-3, 9))


@given(st.lists(groups, min_size=1, max_size=60), st.integers(1, 20), st.randoms(use_true_random=False))
def test_the_table_depends_on_the_posts_only_and_ranks_as_defined(rows, min_posts, shuffle: random.Random):
    posts = frame(rows)
    table = cutoffs([posts], WORDS, min_posts)
    shuffle.shuffle(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "SUMMED_ROWS", 7)
        assert cutoffs(frame(rows).iter_slices(5), WORDS, min_posts).equals(table)
    for (rating, year, value), word in zip(posts.rows(), words_of(posts, min_posts), strict=True):
        if value is None:
            assert word is None
            continue
        same_rating = [other for other in posts.rows() if other[0] == rating and other[2] is not None]
        same_year = [other for other in same_rating if other[1] == year]
        everyone = [other for other in posts.rows() if other[2] is not None]
        if rating is not None and year is not None and len(same_year) >= min_posts:
            group = same_year
        else:
            group = same_rating if rating is not None and len(same_rating) >= min_posts else everyone
        below, equal = (sum(sign(other[2]) for other in group) for sign in (value.__gt__, value.__eq__))
        percentile = 100 * (below + equal / 2) / len(group)
        assert word == max((bound, name) for name, bound in WORDS.items() if percentile > bound)[1]
