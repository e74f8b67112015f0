import polars as pl
import pytest

from booruflow.sources.tags import tag_line

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
