import numpy as np
import pytest

from booruflow.core.errors import UserError
from booruflow.tag_model.sets import read_tsv, tag_sets

ROWS = [["a::x", "b::y", "a::x"], [], ["b::z", "ünï::täg"]]


def names(sets):
    vocabulary = sets.vocabulary
    return [
        [vocabulary.names[token] for token in sets.tokens[start:stop]]
        for start, stop in zip(sets.offsets[:-1], sets.offsets[1:], strict=True)
    ]


def test_sets_from_lists():
    sets = tag_sets(ROWS, ["p", "q", "r"], ["s", "s", "t"])
    assert names(sets) == [["a::x", "b::y"], [], ["b::z", "ünï::täg"]]
    assert sets.vocabulary.categories == ("a", "b", "ünï")
    assert sets.vocabulary.category.tolist() == [0, 1, 1, 2]
    assert sets.vocabulary.counts.tolist() == [1, 1, 1, 1]
    assert sets.sizes.tolist() == [2, 0, 2]
    assert sets.matrix().toarray().tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]


def test_take_keeps_the_order_asked_for():
    sets = tag_sets(ROWS, ["p", "q", "r"], ["s", "s", "t"])
    taken = sets.take(np.array([2, 0, 2, 1]))
    assert names(taken) == [names(sets)[i] for i in (2, 0, 2, 1)]
    assert taken.ids.tolist() == ["r", "p", "r", "q"]
    assert names(sets.take(slice(1, 9))) == names(sets)[1:]


def test_only_may_empty_a_set():
    sets = tag_sets(ROWS, ["p", "q", "r"], ["s", "s", "t"])
    assert names(sets.only(np.array([False, False, True, False]))) == [[], [], ["b::z"]]


def test_recoded_matches_by_name_and_drops_the_unknown():
    sets = tag_sets(ROWS, ["p", "q", "r"], ["s", "s", "t"])
    other = tag_sets([["new", "b::z", "a::x"]], ["o"], ["o"])
    recoded = sets.recoded(other.vocabulary)
    assert names(recoded) == [["a::x"], [], ["b::z"]]
    assert recoded.vocabulary is other.vocabulary


def test_read_tsv(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("package\tsource\ttags\nq\ts\tb::y a::x\np\ts\ta::x\n")
    sets = read_tsv(path)
    assert names(sets) == [["b::y", "a::x"], ["a::x"]]
    assert sets.ids.tolist() == ["q", "p"]
    assert sets.groups.tolist() == ["s", "s"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "row 1"), ("package\ttags\n", "row 1"), ("package\tsource\ttags\np\ts\ta\nq\ts\n", "row 3 has 2 columns")],
)
def test_read_tsv_refuses_other_tables(tmp_path, text, message):
    path = tmp_path / "t.tsv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_tsv(path)
