import polars as pl
import pytest

from booruflow.tags.naming import Naming, spelling


@pytest.mark.parametrize(
    ("name", "spaced"),
    [
        ("red_hair", "red hair"), ("^_^", "^_^"), ("o_o", "o_o"), ("0_0", "0_0"), (">_<", ">_<"), ("._.", "._."), ("x_x", "x_x"),
        ("|_|", "|_|"), ("3:_", "3:_"), ("1girl", "1girl"), ("saber_(fate)", "saber (fate)"), ("日本_語", "日本 語"),
        (":d", ":d"), ("__wild__card", "wild card"), ("a|||||bc", "a| | | | |bc"),
    ],
)  # fmt: skip
def test_underscores_become_spaces_but_in_kaomoji(name, spaced):
    assert pl.DataFrame({"name": [name]}).select(spelling(pl.col("name"), "space", escape_brackets=False)).item() == spaced


def test_brackets_and_backslashes_are_escaped():
    texts = pl.DataFrame({"name": ["saber_(fate)", ":(", "[x]", "\\m/"]})
    escaped = texts.select(spelling(pl.col("name"), "keep", escape_brackets=True)).to_series().to_list()
    assert escaped == ["saber_\\(fate\\)", ":\\(", "\\[x\\]", "\\\\m/"]


def test_a_plain_name_in_a_list_means_the_tag_that_it_has_become(policy):
    naming = Naming.of(policy(rename={"old": "new"}, drop=["artist:old"], keep=["x"]))
    assert naming.is_dropped("artist", ["new", "other"]).tolist() == [True, False]
    assert naming.is_dropped("general", ["new"]).tolist() == [False]


def test_a_name_with_stars_is_no_pattern_where_a_tag_has_become_it(policy):
    naming = Naming.of(policy(rename={"stars": "*_*"}, keep=["stars"], drop=["*"]))
    assert naming.is_dropped("general", ["*_*", "a_b"]).tolist() == [False, True]
