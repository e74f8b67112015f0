from dataclasses import replace

import numpy as np
import pytest
from debian_sets import tag_sets

from booruflow.tag_model import evaluation
from booruflow.tag_model.evaluation import (
    bootstrap,
    category_retrieval_metrics,
    completion_metrics,
    frequency_bands,
    masked_ranks,
    permutation_error,
    ranking_metrics,
    shuffled,
)
from booruflow.tag_model.protocol import completion_queries, retrieval_queries


def ranks_one_by_one(scores, queries):
    found = []
    for row in range(len(queries.visible)):
        masked = queries.masked.take(slice(row, row + 1)).tokens.tolist()
        taken = {*masked, *queries.visible.take(slice(row, row + 1)).tokens.tolist()}
        others = [scores[row, tag] for tag in range(scores.shape[1]) if tag not in taken]
        for tag in masked:
            score = scores[row, tag]
            found.append(1 + sum(other > score for other in others) + sum(other == score for other in others) / 2)
    return np.array(found)


@pytest.mark.parametrize("levels", [3, 1000])
def test_ranks_as_counted_one_by_one(sets, levels, monkeypatch):
    monkeypatch.setattr(evaluation, "SCORES_PER_CHUNK", 7 * len(sets.vocabulary))
    queries = completion_queries(sets.take(slice(0, 30)))
    scores = np.random.default_rng(0).integers(levels, size=(len(queries.visible), len(sets.vocabulary))).astype(float)
    start = iter(range(0, len(scores), 7))

    def scorer(visible):
        first = next(start)
        return scores[first : first + len(visible)]

    np.testing.assert_array_equal(masked_ranks(scorer, queries), ranks_one_by_one(scores, queries))


def test_a_constant_score_gains_nothing(sets):
    queries = completion_queries(sets)
    found = masked_ranks(lambda visible: np.zeros((len(visible), len(sets.vocabulary))), queries)
    assert found.min() > len(sets.vocabulary) / 4
    assert ranking_metrics(found)["R@1"] == 0


def test_ranking_metrics():
    assert ranking_metrics(np.array([1.0, 2.0, 1.5, 20.0])) == {
        "R@1": 0.25,
        "R@5": 0.75,
        "R@10": 0.75,
        "MRR": pytest.approx((1 + 1 / 2 + 1 / 1.5 + 1 / 20) / 4),
    }
    assert np.isnan(ranking_metrics(np.empty(0))["MRR"])


def test_bands_and_categories(sets):
    vocabulary = replace(sets.vocabulary, counts=np.arange(len(sets.vocabulary)))
    assert frequency_bands(vocabulary, 200)[:12] == ["tail"] + ["mid"] * 9 + ["head"] * 2
    queries = completion_queries(sets)
    found = np.where(queries.masked.vocabulary.category[queries.masked.tokens] == 0, 1.0, 4.0)
    report = completion_metrics(found, queries, len(sets))
    assert report["category character"]["MRR"] == 1
    assert report["category general"]["MRR"] == 0.25


def test_bootstrap_covers_the_difference(sets):
    queries = completion_queries(sets.take(slice(0, 100)))
    gain = np.random.default_rng(0).normal(0.1, 0.3, len(queries.masked.tokens))
    is_tail = np.arange(len(gain)) % 3 == 0
    gains = [np.zeros_like(gain), gain, np.where(is_tail, gain, np.nan), np.full_like(gain, np.nan)]
    same, better, tail, nothing = bootstrap(gains, queries, draws=200)
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    assert 0 < better.low < better.mean < better.high
    assert better.mean == pytest.approx(gain.mean())
    assert tail.mean == pytest.approx(gain[is_tail].mean())
    assert tail.high - tail.low > better.high - better.low
    assert np.isnan(nothing.mean)


def test_bootstrap_draws_sets_one_by_one(sets):
    queries = completion_queries(sets.take(slice(0, 30)))
    gain = np.random.default_rng(0).normal(0.1, 0.3, len(queries.masked.tokens))
    set_index = queries.set_index[queries.masked.rows]
    generator, means = np.random.default_rng(5), []
    for _ in range(300):
        drawn = generator.integers(30, size=30)
        means.append(np.concatenate([gain[set_index == number] for number in drawn]).mean())
    (found,) = bootstrap([gain], queries, draws=300, seed=5)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_ratings_are_not_ranked():
    rows = [["rating::g", "a::x", "a::y", "a::z"], ["rating::s", "a::x", "a::y", "a::w"]]
    sets = tag_sets(rows, [1, 2], [1, 2])
    queries = completion_queries(sets, repeats=20)
    scores = np.where(sets.vocabulary.is_content, 0.0, 9.0)
    found = masked_ranks(lambda visible: np.tile(scores, (len(visible), 1)), queries)
    assert (found <= 1.5).all()
    assert "category rating" not in completion_metrics(found, queries, 2)


def test_retrieval_metrics_by_hand():
    gallery = tag_sets([["c::x", "g::a", "g::b"], ["c::y", "g::a", "g::d"], ["c::x", "g::d", "g::e"]], list("123"), list("123"))
    queries = gallery.take(slice(0, 1))
    queries = retrieval_queries(queries, gallery, "c")
    answer = category_retrieval_metrics(lambda sets: sets.matrix().toarray(), queries)
    assert answer["mAP"] == pytest.approx((1 + 2 / 3) / 2)
    assert answer["P@10"] == pytest.approx(2 / 3)
    assert answer["queries"] == 1
    sparse = category_retrieval_metrics(lambda sets: sets.matrix(), queries)
    assert sparse == pytest.approx(answer)


def test_permutation_error_sees_an_order():
    sets = tag_sets([["a", "b", "c", "d"], ["b", "d", "e"]], list("12"), list("12"))
    assert sorted(shuffled(sets).tokens[:4]) == sorted(sets.tokens[:4])
    assert permutation_error(lambda sets: sets.matrix().toarray(), sets) == 0
    assert permutation_error(lambda sets: sets.tokens[sets.offsets[:-1], None].astype(float), sets) > 0
