import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.core.idjson import MAX_ID_DIGITS
from booruflow.sources.images.names import fixed_parts, name_pattern


def post_of(template: str, name: str) -> int | None:
    """The id in a name, by Python and by polars."""
    match = re.compile(name_pattern(template) + r"\Z").search(name)
    in_python = int(match[1]) if match else None
    in_polars = pl.Series([name]).str.extract(f"{name_pattern(template)}$").cast(pl.Int64).item()
    assert in_python == in_polars
    return in_python


@pytest.mark.parametrize(
    ("template", "name", "post"),
    [
        ("{id}", "12.png", 12),
        ("{id}", "D:\\data\\0012.JPEG", 12),
        ("{id}", "a/b/12.webp", 12),
        ("{id}", "x12.png", None),
        ("{id}", "12.mp4", None),
        ("{id}", "12.png.txt", None),
        ("{id}", "1" * MAX_ID_DIGITS + ".png", int("1" * MAX_ID_DIGITS)),
        ("{id}", "1" * (MAX_ID_DIGITS + 1) + ".png", None),
        ("danbooru_{id}_{md5}", "1/danbooru_12_0f3a.png", 12),
        ("danbooru_{id}_{md5}", "danbooru_12_.png", None),
        ("{artist} - {id} (sample)", "ink_b - 7 - 12 (sample).jpg", 12),
        ("{md5}.{id}", "1f.2.12.gif", 12),
        ("[{id}]", "[12].png", 12),
    ],
)
def test_the_id_in_a_name(template, name, post):
    assert post_of(template, name) == post


@given(st.integers(0, 10**18 - 1), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\"), min_size=1))
def test_any_text_stands_where_the_template_leaves_it_open(post, text):
    assert post_of("b_{id}_{md5}", f"b_{post}_{text}.png") == post


@pytest.mark.parametrize(
    "template", ["", "{md5}", "{id}_{id}", "{md5}{id}", "{id}{md5}", "1{id}", "{id}2", "{id", "a/{id}", "{}_{id}", "{id}_{a b}"]
)
def test_templates_that_do_not_tell_the_id_are_refused(template):
    with pytest.raises(UserError, match=r"inputs\.image_name: .*use \{id\} once"):
        name_pattern(template)


def test_names_are_known_without_the_image_if_only_the_id_is_open():
    assert fixed_parts("b_{id}_x") == ("b_", "_x")
    assert fixed_parts("b_{id}_{md5}") is None
