import numpy as np
import pytest

from booruflow.tag_model import rivals
from booruflow.tag_model.evaluation import figures, ranks
from booruflow.tag_model.protocol import completion
from booruflow.tag_model.sets import tag_sets


@pytest.mark.parametrize(
    "fit",
    [
        rivals.category_frequency,
        rivals.naive_bayes,
        rivals.nearest_sets,
        lambda train: rivals.nearest_tags(rivals.ppmi_svd(train, 16), train),
        lambda train: rivals.linear(rivals.ease(train)),
        lambda train: rivals.linear(rivals.edlae(train)),
    ],
)
def test_each_rival_beats_frequency(fit, splits):
    asked = completion(splits.test)
    plain = figures(ranks(rivals.frequency(splits.train), asked))["MRR"]
    assert figures(ranks(fit(splits.train), asked))["MRR"] > plain + 0.01


def test_ease_is_ridge_regression_of_each_tag_on_the_others(splits):
    matrix = splits.train.matrix().toarray().astype(float)
    weights = rivals.ease(splits.train, ridge=5)
    for tag in (0, 7, 20):
        others = np.delete(matrix, tag, axis=1)
        plain = np.linalg.solve(others.T @ others + 5 * np.eye(others.shape[1]), others.T @ matrix[:, tag])
        np.testing.assert_allclose(np.delete(weights[:, tag], tag), plain, atol=1e-9)
        assert weights[tag, tag] == 0


def test_cooccurrence():
    sets = tag_sets([["a", "b"], ["a", "b", "c"], ["c"]], list("123"), list("123"))
    assert rivals.cooccurrence(sets).toarray().tolist() == [[2, 2, 1], [2, 2, 1], [1, 1, 2]]


def test_ppmi_svd_gives_back_the_information(splits):
    size = len(splits.train.vocabulary)
    vectors = rivals.ppmi_svd(splits.train, size + 3)
    assert vectors.shape == (size, size + 3)
    together = rivals.cooccurrence(splits.train).toarray()
    np.fill_diagonal(together, 0)
    chance = np.outer(together.sum(0), together.sum(0)) / together.sum()
    information = np.log(np.maximum(together, 1e-300) / chance).clip(min=0)
    directions, values, _ = np.linalg.svd(information)
    np.testing.assert_allclose(np.abs(vectors[:, :5]), np.abs(directions[:, :5] * np.sqrt(values[:5])), atol=1e-6)


def test_both_decompositions_agree(splits, monkeypatch):
    dense = rivals.ppmi_svd(splits.train, 6)
    monkeypatch.setattr(rivals, "SMALL", 0)
    np.testing.assert_allclose(rivals.ppmi_svd(splits.train, 6), dense, atol=1e-4)


def test_low_rank_keeps_the_strongest():
    weights = np.diag([3.0, 1.0, 2.0, 0.5])
    sets = tag_sets([["a", "b", "c", "d"], ["c"]], list("12"), list("12"))
    np.testing.assert_allclose(rivals.low_rank(weights, 2)(sets), [[3**0.5, 2**0.5], [0, 2**0.5]], atol=1e-9)


def test_fusion_weighs_standardised_scores(splits):
    frequent, linear = rivals.frequency(splits.train), rivals.linear(rivals.ease(splits.train))
    shown = splits.test.take(slice(0, 5))
    alone = rivals.fused(frequent, linear, 0)(shown)
    np.testing.assert_allclose(alone.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(alone.std(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        rivals.fused(frequent, linear, 2)(shown), alone + 2 * rivals.fused(linear, frequent, 0)(shown), atol=1e-5
    )
