import polars as pl
import pytest

from booruflow.texts.templates import PARTS, parts_used
from booruflow.texts.variants import all_texts, chosen_text

VARIANTS = [{"template": "{tags}", "weight": 2}, {"template": "{caption}", "weight": 4}, {"template": "{rating}", "weight": 2}]


def rows(count=1, **parts):
    return pl.DataFrame({"id": range(count)}).with_columns(pl.lit(parts.get(name), pl.String).alias(name) for name in PARTS)


def test_texts_of_a_list_stand_there_as_often_as_their_weights_say():
    frame = rows(tags="a", caption="b", rating="c")
    assert frame.select(all_texts(VARIANTS, repeated=True)).item().to_list() == ["a", "b", "b", "c"]
    assert frame.select(all_texts(VARIANTS, repeated=False)).item().to_list() == ["a", "b", "c"]


def test_empty_and_equal_texts():
    frame = rows(tags="a", caption="a")
    assert frame.select(all_texts(VARIANTS, repeated=False)).item().to_list() == ["a"]
    assert frame.select(all_texts(VARIANTS, repeated=True)).item().to_list() == ["a", "a", "a"]


def test_the_choice_follows_the_weights_and_the_seed_alone():
    frame = rows(20_000, tags="a", caption="b", rating="c")
    drawn = chosen_text(frame, VARIANTS, 0)
    shares = drawn.value_counts(normalize=True).sort("text")["proportion"].to_list()
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.01)
    assert chosen_text(frame.tail(500), VARIANTS, 0).to_list() == drawn.tail(500).to_list()
    assert chosen_text(frame, VARIANTS, 1).to_list() != drawn.to_list()


def test_an_empty_variant_is_not_chosen():
    frame = rows(2_000, caption="b", rating="c")
    shares = chosen_text(frame, VARIANTS, 0).value_counts(normalize=True).sort("text")["proportion"].to_list()
    assert shares == pytest.approx([2 / 3, 1 / 3], abs=0.04)
    assert chosen_text(rows(3), VARIANTS, 0).to_list() == [None] * 3


def test_no_variants_are_tags_then_caption():
    assert parts_used([]) == ["caption", "tags"]
    assert rows(tags="a", caption="b").select(all_texts([], repeated=True)).item().to_list() == ["a, b"]
