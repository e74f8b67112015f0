import polars as pl

from booruflow.core.idjson import ENTRY_SCHEMA
from booruflow.report.gathering import LONGEST, STEP, gather_outcomes, gather_resolutions, gather_texts


def entries(**values: str) -> list[pl.DataFrame]:
    ids = [int(name.removeprefix("post")) for name in values]
    return [pl.DataFrame({"id": ids, "value": list(values.values())}, schema=ENTRY_SCHEMA)]


def caption(text: str) -> str:
    return f'{{"caption":"{text}"}}'


def test_each_post_has_one_source_and_the_later_one_wins() -> None:
    posts = [pl.DataFrame({"id": [1, 2, 3], "rating": ["g", "g", "e"]}), pl.DataFrame({"id": [4, 5], "rating": ["g", None]})]
    tags = entries(**{f"post{post}": '{"tags":"a"}' for post in (1, 2, 3, 4)})
    merged = entries(post1=caption("one two"), post2=caption("\\u4e00 " * 25), post3=caption("three"))
    good = [entries(post2=caption("old"), post3=caption("three")), entries()]
    fixed = [entries(post2=caption("new")), entries()]
    texts = gather_texts(posts, tags, merged, good, fixed)
    assert {source: dict(counts) for source, counts in texts.posts.items()} == {
        "existing": {"g": 1},
        "mended": {"g": 1},
        "generated": {"e": 1},
        "tags alone": {"g": 1},
        "nothing": {None: 1},
    }
    assert texts.words["existing"].tolist()[:3] == [1, 0, 0]
    assert texts.words["mended"].tolist()[:3] == [0, 0, 1]
    assert len(texts.words["mended"]) == LONGEST // STEP + 1


def test_a_very_long_caption_is_in_the_last_step() -> None:
    posts = [pl.DataFrame({"id": [1], "rating": ["g"]})]
    texts = gather_texts(posts, entries(), entries(post1=caption("word " * 5000)), [], [])
    assert texts.words["existing"][-1] == 1 == texts.words["existing"].sum()


def test_outcomes_carry_their_reasons() -> None:
    good = entries(post1='{"caption":"a"}', post2='{"caption":"b","repaired":true}')
    bad = entries(post3='{"text":"","reason":"truncated"}', post4='{"text":"","reason":"truncated"}')
    skipped = entries(post5='{"reason":"no image"}')
    counts = {"good": 1, "repaired": 1, "bad: truncated": 2, "skipped: no image": 1}
    assert dict(gather_outcomes(good, bad, skipped)) == counts


def test_resolutions_leave_out_posts_without_one() -> None:
    sizes = pl.DataFrame({"id": [1, 2, 3], "train_width": [1024, None, 1024], "train_height": [1024, None, 1024]})
    assert dict(gather_resolutions([sizes, sizes.head(1)])) == {(1024, 1024): 3}
