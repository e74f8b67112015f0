from pathlib import Path

import pytest
from debian_sets import deduplicate, prune, read_tsv, recode, tag_sets
from small_tag_sets import split

from booruflow.core.errors import UserError
from booruflow.tag_model import baselines
from booruflow.tag_model.evaluation import masked_ranks, ranking_metrics
from booruflow.tag_model.protocol import completion_queries

REAL = Path("../shared/data/debtags.tsv")
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


def test_recoding_matches_by_name_and_drops_unknown_tags():
    sets = tag_sets(ROWS, ["p", "q", "r"], ["s", "s", "t"])
    other = tag_sets([["new", "b::z", "a::x"]], ["o"], ["o"])
    recoded = recode(sets, other.vocabulary)
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


def test_the_first_by_id_of_equal_sets_is_kept():
    sets = tag_sets([["a", "b", "c"], ["c", "b", "a"], ["a", "b"], ["a", "b", "d"]], ["z", "y", "x", "w"], list("1234"))
    assert deduplicate(sets).ids.tolist() == ["w", "y"]


def test_pruning_counts_training_sets_only():
    rows = [["a", "b", "c", f"rare{i % 100}"] for i in range(300)]
    pruned = prune(split(tag_sets(rows, range(300), range(300))))
    vocabulary = pruned.train.vocabulary
    assert (vocabulary.counts >= 3).all()
    assert vocabulary.counts.tolist() == pruned.train.count().tolist()
    assert set(vocabulary.names) >= {"a", "b", "c"}
    assert pruned.test.vocabulary is vocabulary


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/debtags.tsv")
def test_real_data_gives_the_known_figures():
    parts = prune(split(deduplicate(read_tsv(REAL))))
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [6899, 858, 846]
    assert len(parts.train.vocabulary) == 543
    queries = completion_queries(parts.test)
    for weights, known in ((baselines.ease(parts.train), 0.531), (baselines.edlae(parts.train), 0.555)):
        assert ranking_metrics(masked_ranks(baselines.linear(weights), queries))["MRR"] == pytest.approx(known, abs=0.003)
