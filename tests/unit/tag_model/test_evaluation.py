from dataclasses import replace

import numpy as np
import pytest

from booruflow.tag_model import evaluation
from booruflow.tag_model.evaluation import (
    band_of,
    bootstrap,
    completion_report,
    figures,
    permutation_error,
    ranks,
    retrieval_figures,
    shuffled,
)
from booruflow.tag_model.protocol import completion, retrieval
from booruflow.tag_model.sets import tag_sets


def plain_ranks(scores, asked):
    found = []
    for row in range(len(asked.shown)):
        hidden = asked.hidden.take(slice(row, row + 1)).tokens.tolist()
        taken = {*hidden, *asked.shown.take(slice(row, row + 1)).tokens.tolist()}
        others = [scores[row, tag] for tag in range(scores.shape[1]) if tag not in taken]
        for tag in hidden:
            mine = scores[row, tag]
            found.append(1 + sum(other > mine for other in others) + sum(other == mine for other in others) / 2)
    return np.array(found)


@pytest.mark.parametrize("levels", [3, 1000])
def test_ranks_as_counted_one_by_one(sets, levels, monkeypatch):
    monkeypatch.setattr(evaluation, "CELLS", 7 * len(sets.vocabulary))
    asked = completion(sets.take(slice(0, 30)))
    scores = np.random.default_rng(0).integers(levels, size=(len(asked.shown), len(sets.vocabulary))).astype(float)
    start = iter(range(0, len(scores), 7))

    def scorer(shown):
        first = next(start)
        return scores[first : first + len(shown)]

    np.testing.assert_array_equal(ranks(scorer, asked), plain_ranks(scores, asked))


def test_saying_the_same_of_all_gains_nothing(sets):
    asked = completion(sets)
    found = ranks(lambda shown: np.zeros((len(shown), len(sets.vocabulary))), asked)
    assert found.min() > len(sets.vocabulary) / 4
    assert figures(found)["R@1"] == 0


def test_figures():
    assert figures(np.array([1.0, 2.0, 1.5, 20.0])) == {
        "R@1": 0.25,
        "R@5": 0.75,
        "R@10": 0.75,
        "MRR": pytest.approx((1 + 1 / 2 + 1 / 1.5 + 1 / 20) / 4),
    }
    assert np.isnan(figures(np.empty(0))["MRR"])


def test_bands_and_categories(sets):
    vocabulary = replace(sets.vocabulary, counts=np.arange(len(sets.vocabulary)))
    assert band_of(vocabulary, 200)[:12] == ["tail"] + ["mid"] * 9 + ["head"] * 2
    asked = completion(sets)
    found = np.where(asked.hidden.vocabulary.category[asked.hidden.tokens] == 0, 1.0, 4.0)
    report = completion_report(found, asked, len(sets))
    assert report["category character"]["MRR"] == 1
    assert report["category general"]["MRR"] == 0.25


def test_bootstrap_covers_the_difference(sets):
    asked = completion(sets.take(slice(0, 100)))
    generator = np.random.default_rng(0)
    theirs = generator.integers(2, 10, len(asked.hidden.tokens)).astype(float)
    same = bootstrap(theirs, theirs, asked, draws=200)
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    better = bootstrap(np.stack([theirs - 1, theirs]), theirs, asked, draws=200)
    assert 0 < better.low < better.mean < better.high
    assert better.mean == pytest.approx((1 / (theirs - 1) - 1 / theirs).mean() / 2)


def test_retrieval_figures_by_hand():
    gallery = tag_sets([["c::x", "g::a", "g::b"], ["c::y", "g::a", "g::d"], ["c::x", "g::d", "g::e"]], list("123"), list("123"))
    queries = gallery.take(slice(0, 1))
    asked = retrieval(queries, gallery, "c")
    answer = retrieval_figures(lambda sets: sets.matrix().toarray(), asked)
    assert answer["mAP"] == pytest.approx((1 + 2 / 3) / 2)
    assert answer["P@10"] == pytest.approx(2 / 3)
    assert answer["queries"] == 1
    sparse = retrieval_figures(lambda sets: sets.matrix(), asked)
    assert sparse == pytest.approx(answer)


def test_permutation_error_sees_an_order():
    sets = tag_sets([["a", "b", "c", "d"], ["b", "d", "e"]], list("12"), list("12"))
    assert sorted(shuffled(sets).tokens[:4]) == sorted(sets.tokens[:4])
    assert permutation_error(lambda some: some.matrix().toarray(), sets) == 0
    assert permutation_error(lambda some: some.tokens[some.offsets[:-1], None].astype(float), sets) > 0
