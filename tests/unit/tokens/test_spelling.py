import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.tokens.spelling import count_pieces, pieces


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("holding_flower_basket", ["holding", "flower", "basket"]),
        ("v-shaped_eyebrows", ["v", "shaped", "eyebrows"]),
        ("pom_pom_(clothes)", ["pom", "pom", "clothes"]),
        ("heart_(symbol)_(red_one)", ["heart", "symbol", "red", "one"]),
        ("hatsune_miku_(cosplay)", ["hatsune_miku", "cosplay"]),
        ("saber_(fate)_(cosplay)", ["saber_(fate)", "cosplay"]),
        ("^_^", ["^_^"]),
        ("+_+", ["+_+"]),
        ("a-_b", ["a-_b"]),
        ("a-_bc", ["a", "bc"]),
        ("^_^_(smile)", ["^_^", "smile"]),
        ("_smile", ["_smile"]),
        ("-----", ["-----"]),
        ("_(cosplay)", ["_(cosplay)"]),
        ("lunch_(", ["lunch", "("]),
        ("foo_()", ["foo", "()"]),
        ("長い髪-の_少女", ["長い髪", "の", "少女"]),
    ],
)
def test_splitting(label, expected):
    assert pieces(label) == expected


@given(st.text("ab_-()é", min_size=1, max_size=30))
def test_pieces_are_never_empty_and_a_lone_one_is_the_label(label):
    found = pieces(label)
    assert all(found)
    assert len(found) > 1 or found == [label]


def test_thousands_of_qualifiers():
    assert pieces("x" + "_(abcde)" * 5000) == ["x"] + ["abcde"] * 5000


def test_pieces_of_labels_are_counted():
    assert count_pieces({"red_hat": 3, "hat": 5, "^_^": 9, "hat_hat": 1, "miku_(cosplay)": 2}) == {
        "red": 3, "hat": 5, "miku": 2, "cosplay": 2,
    }  # fmt: skip
