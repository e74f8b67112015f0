import polars as pl
import pytest

from booruflow.products.tags_json import tags_entries

POSTS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "artist": ["ink_(moth)", "", ""],
        "character": ["a_b c", "", ""],
        "general": ["^_^ red_hair o_o 1girl", "", 'say_"hi"'],
        "meta": ["", "", "highres"],
    }
)


@pytest.mark.parametrize(
    ("order", "separator", "underscores", "lines"),
    [
        (["artist", "general"], ", ", "keep", ["ink_(moth), ^_^, red_hair, o_o, 1girl", 'say_\\"hi\\"']),
        (["general", "artist"], ", ", "space", ["^_^, red hair, o_o, 1girl, ink (moth)", 'say \\"hi\\"']),
        (["meta", "character"], " | ", "keep", ["a_b | c", "highres"]),
    ],
)
def test_order_separator_and_underscores(order, separator, underscores, lines):
    values = [f'{{"tags":"{line}"}}' for line in lines]
    assert tags_entries(POSTS, order, separator, underscores).to_dict(as_series=False) == {"id": [1, 3], "value": values}
