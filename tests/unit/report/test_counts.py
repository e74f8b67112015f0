from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.report.counts import BIN_WIDTH, MAX_WORDS, count_outcomes, count_resolutions, count_texts


def entries(**values: str) -> list[pl.DataFrame]:
    ids = [int(name.removeprefix("post")) for name in values]
    return [pl.DataFrame({"id": ids, "value": list(values.values())}, schema=ENTRY_SCHEMA)]


def caption(text: str) -> str:
    return f'{{"caption":"{text}"}}'


def test_each_post_is_counted_under_its_last_source() -> None:
    posts = [pl.DataFrame({"id": [1, 2, 3], "rating": ["g", "g", "e"]}), pl.DataFrame({"id": [4, 5], "rating": ["g", None]})]
    tags = entries(**{f"post{post}": '{"tags":"a"}' for post in (1, 2, 3, 4)})
    merged = entries(post1=caption("one two"), post2=caption("\\u4e00 " * 25), post3=caption("three"))
    good = [entries(post2=caption("old"), post3=caption("three")), entries()]
    fixed = [entries(post2=caption("new")), entries()]
    counts = count_texts(posts, tags, merged, good, fixed)
    assert {source: dict(by_rating) for source, by_rating in counts.posts.items()} == {
        "existing": {"g": 1},
        "fixed": {"g": 1},
        "generated": {"e": 1},
        "tags alone": {"g": 1},
        "nothing": {None: 1},
    }
    assert counts.words["existing"].tolist()[:3] == [1, 0, 0]
    assert counts.words["fixed"].tolist()[:3] == [0, 0, 1]
    assert len(counts.words["fixed"]) == MAX_WORDS // BIN_WIDTH + 1


def test_a_post_whose_caption_a_person_took_away_is_counted_under_its_tags() -> None:
    posts = [pl.DataFrame({"id": [1, 2], "rating": ["g", "g"]})]
    tags, good, fixed = entries(post1='{"tags":"a"}'), [entries(post1=caption("old"))], [entries(post1=caption(""))]
    counts = count_texts(posts, tags, entries(), good, fixed)
    assert {source: sum(by_rating.values()) for source, by_rating in counts.posts.items() if by_rating} == {
        "tags alone": 1,
        "nothing": 1,
    }


def test_a_very_long_caption_is_counted_in_the_last_bin() -> None:
    posts = [pl.DataFrame({"id": [1], "rating": ["g"]})]
    counts = count_texts(posts, entries(), entries(post1=caption("word " * 5000)), [], [])
    assert counts.words["existing"][-1] == 1 == counts.words["existing"].sum()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes entries to a file."""

    def write(name: str, **values: str) -> Path:
        write_entries(tmp_path / f"{name}.json", entries(**values))
        return tmp_path / f"{name}.json"

    return write


def test_outcomes_are_counted_by_reason(write: Callable[..., Path]) -> None:
    good = write("good", post1='{"caption":"a"}', post2='{"caption":"b","repaired":true}')
    bad = write("bad", post3='{"text":"","reason":"truncated"}', post4='{"text":"","reason":"truncated"}')
    skipped = write("skipped", post5='{"reason":"no image"}')
    failed = write("failed", post6='{"reason":"status 500: <html>","attempts":1}')
    expected = {"good": 1, "repaired": 1, "bad: truncated": 2, "skipped: no image": 1, "failed": 1}
    assert dict(count_outcomes(good, bad, skipped, failed)) == expected


@pytest.mark.parametrize("name", ["good", "bad", "skipped"])
@pytest.mark.parametrize("value", ["7", "[]", "x"])
def test_an_entry_of_another_form_is_named(write: Callable[..., Path], name: str, value: str) -> None:
    paths = {other: write(other) for other in ("good", "bad", "skipped", "failed")}
    write(name, post5=value)
    with pytest.raises(UserError, match=rf"{name}\.json: id 5: not an object.*: delete the file"):
        count_outcomes(**paths)


def test_posts_without_a_resolution_are_not_counted() -> None:
    sizes = pl.DataFrame({"id": [1, 2, 3], "train_width": [1024, None, 1024], "train_height": [1024, None, 1024]})
    assert dict(count_resolutions([sizes, sizes.head(1)])) == {(1024, 1024): 3}
