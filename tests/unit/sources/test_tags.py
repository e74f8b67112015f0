import polars as pl
import pytest

from booruflow.sources.tags import tag_line, tags_entries, trained_tag_line

POSTS = pl.DataFrame(
    {
        "artist": ["ink_(moth)", "", ""],
        "character": ["a_b c", "", ""],
        "general": ["^_^ red_hair o_o 1girl", "", 'say_"hi"'],
        "meta": ["", "", "highres"],
    }
)


@pytest.mark.parametrize(
    ("order", "separator", "lines"),
    [
        (["artist", "general"], ", ", ["ink_(moth), ^_^, red_hair, o_o, 1girl", None, 'say_"hi"']),
        (["meta", "character"], " | ", ["a_b | c", None, "highres"]),
    ],
)
def test_order_and_separator(order, separator, lines):
    assert POSTS.select(tag_line(order, separator)).to_series().to_list() == lines


def test_no_tag_divides_a_prompt():
    posts = pl.DataFrame(
        {"general": ["a ||| :|||| b", "a||b", "", *("|" * bars for bars in range(3, 13))], "meta": ["", "|||", *[""] * 11]}
    )
    lines = posts.select(trained_tag_line(["general", "meta"], ", ")).to_series().to_list()
    assert lines[:3] == ["a, | | |, :| | ||, b", "a||b, | | |", None]
    assert not any("|||" in line for line in lines[3:])
    assert [line.count("|") for line in lines[3:]] == list(range(3, 13))
    assert posts.select(trained_tag_line(["general"], " ||| ")).to_series()[:2].to_list() == [
        "a ||| | | | ||| :| | || ||| b",
        "a||b",
    ]
    raw = posts.select(tag_line(["general", "meta"], ", ")).to_series()
    assert raw[0] == "a, |||, :||||, b", "prompts have the booru's own tags"


def test_an_entry_is_the_line_of_a_post_that_has_one():
    posts = pl.DataFrame({"id": [1, 2, 3], "line": ['a, say_"hi"', None, "b"]})
    entries = tags_entries(posts, pl.col("line"))
    assert entries.rows() == [(1, '{"tags":"a, say_\\"hi\\""}'), (3, '{"tags":"b"}')]
