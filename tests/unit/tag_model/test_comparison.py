import json

import numpy as np
import pytest
from small_tag_sets import small_architecture
from tag_model import mean_over_seeds

from booruflow.tag_model import baselines
from booruflow.tag_model.comparison import (
    Method,
    MethodScores,
    comparison_page,
    completion_table,
    evaluate,
    evaluate_all,
    evaluation_queries,
    fit_baselines,
    gain_line,
    model_methods,
    scores_json,
)
from booruflow.tag_model.evaluation import masked_ranks, ranking_metrics
from booruflow.tag_model.protocol import completion_queries
from booruflow.tag_model.training import new_model


@pytest.fixture(scope="module")
def queries(splits):
    return evaluation_queries(splits, splits.test, ["character", "meta"], max_queries=10_000, gallery_size=50_000)


@pytest.fixture(scope="module")
def model(splits):
    return new_model(small_architecture(splits.train.vocabulary), splits.train, 0, "padded").eval()


def test_all_methods_are_evaluated_on_all_queries(splits, queries, model):
    validation = completion_queries(splits.validation)
    scores = evaluate_all({"bag": model, "model": model}, splits.train, queries, validation, 100)
    names = [score.name for score in scores]
    assert names[:4] == ["frequency", "per-category frequency", "naive Bayes", "item kNN (idf cosine)"]
    assert {"PPMI-SVD 8", "PPMI-SVD 32", "EASE", "EDLAE", "EDLAE low-rank 8", "bag 8", "bag 32", "model 8", "model 32"} <= set(
        names
    )
    by_name = {score.name: score for score in scores}
    assert (
        by_name["EDLAE"].completion["all"]["MRR"]
        == ranking_metrics(masked_ranks(baselines.linear(baselines.edlae(splits.train)), queries.completion))["MRR"]
    )
    assert set(by_name["model 8"].retrieval) == {"all", "category character", "category meta"}
    page = comparison_page(scores, [gain_line([by_name["model 32"]], by_name["EDLAE"], queries.completion)])
    assert page.count("\n| EASE |") == 1 and "- model 32 over EDLAE: " in page
    widths = [line.count("|") for line in page.splitlines() if line.startswith("|")]
    assert widths[: len(scores) + 2] == [13] * (len(scores) + 2)


def test_fusion_is_no_worse_on_validation_than_the_model_alone(splits, model):
    validation = completion_queries(splits.validation)
    *_, full, fused = model_methods("model", model, splits.train, validation)
    assert (
        ranking_metrics(masked_ranks(fused.scorer, validation))["MRR"]
        >= ranking_metrics(masked_ranks(full.scorer, validation))["MRR"]
    )


def test_queries_and_gallery_are_limited(splits):
    queries = evaluation_queries(splits, splits.test, ["character"], max_queries=10, gallery_size=20)
    assert len(queries.completion.visible) == 30
    assert len(queries.retrievals[0].gallery) <= 20
    knn = next(method for method in fit_baselines(splits.train, (8,), 20) if method.name.startswith("item kNN"))
    assert knn.parameters < len(splits.train.tokens) / 10


def test_mean_over_seeds_and_json():
    scores = [
        MethodScores("x", {"all": {"MRR": value}, "tail": {"MRR": float("nan")}}, {}, 3, seconds)
        for value, seconds in ((0.1, 1.0), (0.3, 2.0))
    ]
    mean = mean_over_seeds(scores)
    assert mean.completion["all"]["MRR"] == pytest.approx(0.2)
    assert mean.seconds == 1.5
    (row,) = json.loads(scores_json([mean]))
    assert row["completion"]["tail"]["MRR"] is None
    assert np.isnan(mean.completion["tail"]["MRR"])


def test_a_method_that_only_embeds(queries):
    score = evaluate(Method("directions", embedder=lambda sets: sets.matrix()), queries)
    assert score.completion == {} and 0 < score.retrieval["all"]["mAP"] <= 1
    cells = completion_table([score]).splitlines()[-1].split("|")
    assert cells[2:9] == ["  "] * 7 and cells[-2] == "  "
