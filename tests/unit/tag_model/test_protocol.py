from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.tag_model import rivals
from booruflow.tag_model.evaluation import figures, ranks
from booruflow.tag_model.protocol import completion, distinct, prune, retrieval, sample, split, stable_hash
from booruflow.tag_model.sets import read_tsv, tag_sets

REAL = Path("../shared/data/debtags.tsv")


def as_lists(sets):
    return [sets.tokens[start:stop].tolist() for start, stop in zip(sets.offsets[:-1], sets.offsets[1:], strict=True)]


def test_hash_is_sha256():
    assert stable_hash("abc") == 0xBA7816BF8F01CFEA


def test_distinct_keeps_the_first_by_id_of_equal_sets():
    sets = tag_sets([["a", "b", "c"], ["c", "b", "a"], ["a", "b"], ["a", "b", "d"]], ["z", "y", "x", "w"], list("1234"))
    assert distinct(sets).ids.tolist() == ["w", "y"]


def test_split_keeps_groups_together(sets):
    grouped = tag_sets([["a", "b", "c"]] * 300, range(300), [i // 3 for i in range(300)])
    parts = split(grouped)
    groups = [set(part.groups.tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert sum(len(part) for part in (parts.train, parts.validation, parts.test)) == 300
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    assert len(groups[0]) == pytest.approx(80, abs=12)
    assert split(grouped, "other").train.groups.tolist() != parts.train.groups.tolist()


def test_split_of_too_few():
    with pytest.raises(UserError, match="too few to split"):
        split(tag_sets([["a", "b", "c"]], [1], [1]))


def test_prune_counts_on_the_training_part_only():
    rows = [["a", "b", "c", f"rare{i % 100}"] for i in range(300)]
    pruned = prune(split(tag_sets(rows, range(300), range(300))))
    vocabulary = pruned.train.vocabulary
    assert (vocabulary.counts >= 3).all()
    assert vocabulary.counts.tolist() == pruned.train.count().tolist()
    assert set(vocabulary.names) >= {"a", "b", "c"}
    assert pruned.test.vocabulary is vocabulary


@given(st.lists(st.sets(st.integers(0, 30), min_size=3), min_size=1, max_size=8), st.floats(0.01, 0.9))
def test_completion_parts_each_set(rows, share):
    sets = tag_sets([[f"t{i}" for i in row] for row in rows], range(len(rows)), range(len(rows)))
    asked = completion(sets, repeats=2, share=share)
    everything = as_lists(sets) * 2
    assert len(asked.shown) == len(asked.hidden) == len(everything)
    for whole, shown, hidden in zip(everything, as_lists(asked.shown), as_lists(asked.hidden), strict=True):
        assert sorted(shown + hidden) == sorted(whole)
        assert len(hidden) == max(1, int(share * len(whole) + 0.5))
    assert asked.item.tolist() == [*range(len(rows))] * 2


def test_completion_hides_others_in_each_repeat_and_the_same_again(sets):
    few = sets.take(slice(0, 40))
    asked = completion(few)
    hidden = as_lists(asked.hidden)
    assert hidden[:40] != hidden[40:80]
    assert as_lists(completion(few).hidden) == hidden
    assert as_lists(completion(few, salt="v2").hidden) != hidden


def test_retrieval_hides_the_category_everywhere():
    rows = [["c::x", "g::a", "g::b"], ["g::a", "g::b", "g::d"], ["c::y", "g::a"], ["c::x", "c::y", "g::b", "g::d"]]
    sets = tag_sets(rows, list("pqrs"), list("pqrs"))
    asked = retrieval(sets, sets, "c")
    assert asked.queries.ids.tolist() == asked.gallery.ids.tolist() == ["p", "s"]
    names = sets.vocabulary.names
    assert not any(names[token].startswith("c::") for token in asked.gallery.tokens)
    assert [names[token] for token in asked.hidden_queries.tokens] == ["c::x", "c::x", "c::y"]
    with pytest.raises(UserError, match="no category 'artist'; there are c, g"):
        retrieval(sets, sets, "artist")


def test_sample_is_stable_and_keeps_order(sets):
    some = sample(sets, 50)
    assert len(some) == 50
    assert (np.diff(some.ids) > 0).all()
    assert set(sample(sets, 20).ids) < set(some.ids)
    assert sample(sets, 500) is sets


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/debtags.tsv")
def test_real_data_gives_the_known_figures():
    parts = prune(split(distinct(read_tsv(REAL))))
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [6899, 858, 846]
    assert len(parts.train.vocabulary) == 543
    asked = completion(parts.test)
    for weights, known in ((rivals.ease(parts.train), 0.531), (rivals.edlae(parts.train), 0.555)):
        assert figures(ranks(rivals.linear(weights), asked))["MRR"] == pytest.approx(known, abs=0.003)
