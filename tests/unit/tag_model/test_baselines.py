import numpy as np
import pytest
from debian_sets import tag_sets

from booruflow.tag_model import baselines
from booruflow.tag_model.evaluation import masked_ranks, ranking_metrics
from booruflow.tag_model.protocol import completion_queries


@pytest.mark.parametrize(
    "fit",
    [
        baselines.category_frequency,
        baselines.naive_bayes,
        baselines.nearest_sets,
        lambda train: baselines.nearest_tags(baselines.ppmi_svd(train, 16), train),
        lambda train: baselines.linear(baselines.ease(train)),
        lambda train: baselines.linear(baselines.edlae(train)),
    ],
)
def test_each_baseline_beats_frequency(fit, splits):
    queries = completion_queries(splits.test)
    plain = ranking_metrics(masked_ranks(baselines.frequency(splits.train), queries))["MRR"]
    assert ranking_metrics(masked_ranks(fit(splits.train), queries))["MRR"] > plain + 0.01


def test_ease_is_ridge_regression_of_each_tag_on_the_others(splits):
    matrix = splits.train.matrix().toarray().astype(float)
    weights = baselines.ease(splits.train, ridge=5)
    for tag in (0, 7, 20):
        others = np.delete(matrix, tag, axis=1)
        plain = np.linalg.solve(others.T @ others + 5 * np.eye(others.shape[1]), others.T @ matrix[:, tag])
        np.testing.assert_allclose(np.delete(weights[:, tag], tag), plain, atol=1e-9)
        assert weights[tag, tag] == 0


def test_local_ease_is_ease_where_all_tags_are_neighbours(splits):
    weights = baselines.ease(splits.train, ridge=5)
    size = len(weights)
    sources, kept = baselines.local_ease(splits.train, size, ridge=5)
    dense = np.zeros((size, size))
    np.add.at(dense, (sources, np.arange(size)[:, None]), kept)
    pairs = baselines.cooccurrence(splits.train).toarray()
    never_together = pairs == 0
    assert never_together.any()
    for tag in np.flatnonzero(~never_together.any(axis=0)):
        np.testing.assert_allclose(dense[:, tag], weights[:, tag], atol=1e-9)
    assert not dense[never_together].any() and not np.diag(dense).any()


def test_local_ease_is_ridge_regression_of_each_tag_on_the_closest(splits):
    matrix = splits.train.matrix().toarray().astype(float)
    cosines = matrix.T @ matrix / np.sqrt(np.outer(matrix.sum(axis=0), matrix.sum(axis=0)))
    np.fill_diagonal(cosines, 0)
    sources, weights = baselines.local_ease(splits.train, 5, ridge=5)
    for tag, closest in enumerate(np.argsort(-cosines, axis=0, kind="stable")[:5].T):
        assert sorted(sources[tag]) == sorted(closest)
        others = matrix[:, sources[tag]]
        plain = np.linalg.solve(others.T @ others + 5 * np.eye(5), others.T @ matrix[:, tag])
        np.testing.assert_allclose(weights[tag], plain, atol=1e-9)


def test_local_ease_prefers_close_tags_and_pads_with_zeros():
    rows = [["a", "b", "often"], ["a", "b", "often"], ["c", "often"], ["d", "often"], ["e", "often"], ["f"]]
    sets = tag_sets(rows, range(6), range(6))
    a, b, often, alone = (list(sets.vocabulary.names).index(name) for name in ("a", "b", "often", "f"))
    sources, weights = baselines.local_ease(sets, 3)
    assert sources[a].tolist() == [b, often, 0] and weights[a, 0] > weights[a, 1] > 0 == weights[a, 2]
    assert sources[alone].tolist() == [0, 0, 0] and not weights[alone].any()
    closest, _ = baselines.local_ease(sets, 1)
    assert closest[a].tolist() == [b]


def test_cooccurrence():
    sets = tag_sets([["a", "b"], ["a", "b", "c"], ["c"]], list("123"), list("123"))
    assert baselines.cooccurrence(sets).toarray().tolist() == [[2, 2, 1], [2, 2, 1], [1, 1, 2]]


def test_ppmi_svd_gives_back_the_information(splits):
    size = len(splits.train.vocabulary)
    vectors = baselines.ppmi_svd(splits.train, size + 3)
    assert vectors.shape == (size, size + 3)
    pairs = baselines.cooccurrence(splits.train).toarray()
    np.fill_diagonal(pairs, 0)
    chance = np.outer(pairs.sum(0), pairs.sum(0)) / pairs.sum()
    information = np.log(np.maximum(pairs, 1e-300) / chance).clip(min=0)
    directions, values, _ = np.linalg.svd(information)
    np.testing.assert_allclose(np.abs(vectors[:, :5]), np.abs(directions[:, :5] * np.sqrt(values[:5])), atol=1e-6)


def test_both_decompositions_agree(splits, monkeypatch):
    dense = baselines.ppmi_svd(splits.train, 6)
    monkeypatch.setattr(baselines, "FULL_SVD_SIZE", 0)
    np.testing.assert_allclose(baselines.ppmi_svd(splits.train, 6), dense, atol=1e-4)


def test_low_rank_keeps_the_strongest():
    weights = np.diag([3.0, 1.0, 2.0, 0.5])
    sets = tag_sets([["a", "b", "c", "d"], ["c"]], list("12"), list("12"))
    np.testing.assert_allclose(baselines.low_rank(weights, 2)(sets), [[3**0.5, 2**0.5], [0, 2**0.5]], atol=1e-9)


def test_fusion_weighs_standardised_scores(splits):
    frequent, linear = baselines.frequency(splits.train), baselines.linear(baselines.ease(splits.train))
    visible = splits.test.take(slice(0, 5))
    alone = baselines.fused(frequent, linear, 0)(visible)
    np.testing.assert_allclose(alone.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(alone.std(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        baselines.fused(frequent, linear, 2)(visible), alone + 2 * baselines.fused(linear, frequent, 0)(visible), atol=1e-5
    )
