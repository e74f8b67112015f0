from datetime import datetime

import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.core.idjson import ENTRY_SCHEMA
from booruflow.report.overview.figures import (
    bucket_rows,
    check_sums,
    funnel,
    length_charts,
    ratio_chart,
    sources_by_rating,
    widest,
)
from booruflow.report.overview.posts import BIN_WIDTH, MAX_WORDS, PostCounts, count_posts
from booruflow.report.overview.shards import ShardFigures
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA


def entries(**values: str) -> list[pl.DataFrame]:
    ids = [int(name.removeprefix("post")) for name in values]
    return [pl.DataFrame({"id": ids, "value": list(values.values())}, schema=ENTRY_SCHEMA)]


def ids(*numbers: int) -> list[pl.DataFrame]:
    return [pl.DataFrame({"id": numbers}, schema={"id": pl.Int64})]


def reasons(**texts: str) -> list[pl.DataFrame]:
    return [frame.rename({"value": "reason"}) for frame in entries(**texts)]


def sizes(*rows: tuple[int, int, int, int, int]) -> list[pl.DataFrame]:
    full = [(post, "f", "n", *numbers) for post, *numbers in rows]
    return [pl.DataFrame(full, schema=RESOLUTIONS_SCHEMA, orient="row")]


def caption(text: str) -> str:
    return f'{{"caption":"{text}"}}'


@pytest.fixture
def counts() -> PostCounts:
    posts = [
        pl.DataFrame(
            {"id": [1, 2, 3], "rating": ["g", "g", "e"], "created_at": [datetime(2020, 5, 1), None, datetime(2019, 1, 2)]}
        ),
        pl.DataFrame({"id": [4, 5, 6], "rating": ["g", None, "x"], "created_at": [None, datetime(2021, 3, 4), None]}),
        pl.DataFrame({"id": [7], "rating": ["g"], "created_at": [None]}, schema_overrides={"created_at": pl.Datetime("us")}),
    ]
    merged = entries(post1=caption("one two"), post2=caption("\\u4e00 " * 25), post3=caption("three"), post7=caption("seven"))
    resolutions = sizes(*((post, 1024, 1024, 500, 1000) for post in (1, 2, 3)), (4, 832, 1216, 2000, 3000), (5, 64, 64, 64, 64))
    return count_posts(
        posts,
        ids(1, 2, 3, 4, 6),
        merged,
        resolutions,
        [reasons(post6="no image"), reasons(post6="unreadable image", post7="unreadable image")],
        [ids(2, 3), ids()],
        [ids(2), ids()],
    )


def test_each_post_is_counted_once_under_its_last_source_or_its_first_reason(counts: PostCounts) -> None:
    assert {source: dict(by_rating) for source, by_rating in counts.trained.items()} == {
        "existing": {"g": 1},
        "edited": {"g": 1},
        "generated": {"e": 1},
        "tags alone": {"g": 1},
    }
    assert dict(counts.excluded) == {"no image": 1, "unreadable image": 1, "neither tags nor caption": 1}
    assert (counts.posts, counts.trained_in_all()) == (7, 4)


def test_captions_are_counted_by_words_also_of_excluded_posts(counts: PostCounts) -> None:
    assert counts.words["existing"].tolist()[:3] == [2, 0, 0]
    assert counts.words["edited"].tolist()[:3] == [0, 0, 1]
    assert len(counts.words["edited"]) == MAX_WORDS // BIN_WIDTH + 1


def test_a_post_whose_caption_a_person_took_away_is_counted_under_its_tags_or_excluded() -> None:
    posts = [pl.DataFrame({"id": [1, 2], "rating": ["g", "g"]})]
    counts = count_posts(posts, ids(1), entries(), sizes(), [], [ids(1, 2)], [ids(1, 2)])
    assert {source: counts.total() for source, counts in counts.trained.items() if counts} == {"tags alone": 1}
    assert dict(counts.excluded) == {"neither tags nor caption": 1}


def test_with_variants_a_post_without_tags_and_caption_has_a_text_unless_a_list_names_it() -> None:
    posts = [pl.DataFrame({"id": [1, 2], "rating": ["g", "g"]})]
    counts = count_posts(posts, ids(), entries(), sizes(), [reasons(post2="all variants are empty")], [], [], variants=True)
    assert {source: counts.total() for source, counts in counts.trained.items() if counts} == {"tags alone": 1}
    assert dict(counts.excluded) == {"all variants are empty": 1}


def test_a_very_long_caption_is_counted_in_the_last_bin() -> None:
    posts = [pl.DataFrame({"id": [1], "rating": ["g"]})]
    counts = count_posts(posts, ids(), entries(post1=caption("word " * 5000)), sizes(), [], [], [])
    assert counts.words["existing"][-1] == 1 == counts.words["existing"].sum()
    assert "400+" in length_charts(counts)[0][2]


def test_images_are_counted_of_posts_that_are_trained_on(counts: PostCounts) -> None:
    assert dict(counts.buckets) == {(1024, 1024): 3, (832, 1216): 1}
    assert (counts.ratios.sum(), counts.enlarged) == (4, 3)
    assert (counts.oldest, counts.newest) == (datetime(2019, 1, 2), datetime(2021, 3, 4))


def test_the_rows_of_the_page_add_up(counts: PostCounts) -> None:
    rows = funnel(counts)
    assert rows[0].count + sum(row.count for row in rows[1:-1]) == rows[-1].count == 4
    assert [row.label for row in rows] == [
        "posts",
        "neither tags nor caption",
        "no image",
        "unreadable image",
        "entries for training",
    ]
    assert widest(rows) == 7
    assert [(row.label, row.count) for row in sources_by_rating(counts)] == [("general", 3), ("explicit", 1)]
    assert [row.count for row in bucket_rows(counts)] == [3, 1]
    assert "1:1" in ratio_chart(counts)


def test_many_resolutions_are_shown_as_the_commonest_and_others() -> None:
    counts = PostCounts()
    counts.buckets.update({(64 * (number + 1), 64): number + 1 for number in range(100)})
    rows = bucket_rows(counts)
    assert len(rows) == 25 and rows[-1].label == "76 others" and sum(row.count for row in rows) == 5050


@pytest.mark.parametrize(
    ("entries_of_lat", "captions", "to_caption", "wrong"),
    [(5, 4, 3, "lines of meta_lat"), (4, 5, 3, "captions by length"), (4, 4, 2, "outcomes of the shards")],
)
def test_figures_that_differ_from_those_of_other_rules_are_an_error(
    counts: PostCounts, entries_of_lat: int, captions: int, to_caption: int, wrong: str
) -> None:
    shards = ShardFigures()
    shards.outcomes.update({"good": 2, "bad: truncated": 1})
    check_sums(counts, shards, {"captions": 4, "to_caption": 3}, 4)
    with pytest.raises(UserError, match=f"check failed: .*{wrong}.*: run `snakemake verify`"):
        check_sums(counts, shards, {"captions": captions, "to_caption": to_caption}, entries_of_lat)


def test_a_post_that_was_counted_nowhere_is_an_error(counts: PostCounts) -> None:
    counts.posts += 1
    with pytest.raises(UserError, match="trained on or excluded"):
        check_sums(counts, ShardFigures(), {"captions": 4, "to_caption": 0}, 4)
