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
    gain_table,
    model_methods,
    scores_json,
    setup_table,
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
    bag = new_model(small_architecture(splits.train.vocabulary, layers=0, neighbours=0), splits.train, 0, "padded").eval()
    scores = evaluate_all({"bag": bag, "model": model}, splits.train, queries, validation, 100)
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
    ranked = [[score] for score in scores if score.ranks is not None]
    assert names[-4:-1] == ["model 32 without the linear map", "model 8", "model 32"]
    full, trained = by_name["model 32"], by_name["model 32 without the linear map"]
    assert full.parameters - trained.parameters == 64 * len(splits.train.vocabulary)
    assert full.completion != trained.completion
    ours, others = ranked[-2:], ranked[: names.index("model 32 without the linear map") - 1]  # one method only embeds
    assert [seeds[0].name for seeds in others][-2].startswith("bag 32")
    setup = setup_table(splits, queries, {"training": {"seed": 7, "epochs": 3}, "evaluation": {"max_queries": 10_000}})
    page = comparison_page(setup, scores, gain_table(ours, others, queries))
    sections = dict(part.split("\n\n", 1) for part in page.removeprefix("## ").split("\n## "))
    tables = {title: [line.strip("| ").split(" | ") for line in text.strip().splitlines()] for title, text in sections.items()}
    metrics = tables["Masked tags (by band: MRR) and similar sets"]
    assert [row[0] for row in metrics[2:]] == names
    assert {len(line) for line in metrics[2:] if line[0].startswith("model 8")} == {11}
    gains = tables["Gain in MRR, with 95% intervals by paired bootstrap over sets"]
    assert gains[0][:3] == ["over", "model 32, all", "model 32, tail"] and len(gains[0]) == 5
    assert [row[0] for row in gains[2:]] == [seeds[0].name for seeds in others]
    edlae = next(row for row in gains if row[0] == "EDLAE")
    expected = by_name["model 32"].completion["all"]["MRR"] - by_name["EDLAE"].completion["all"]["MRR"]
    assert edlae[1].startswith(f"{expected:+.3f} (")
    facts = dict(tables["Data and settings"][2:])
    assert facts["training"] == "seed 7, epochs 3" and facts["evaluation"] == "max_queries 10000"
    counts = [len(part) for part in (splits.train, splits.validation, splits.test)]
    assert facts["sets"] == "{} training, {} validation, {} test".format(*counts)
    assert facts["masked tags"] == f"{len(queries.completion.masked.tokens)} questions about {counts[2]} sets"
    assert facts["similar sets, meta masked"].endswith(" training sets searched")


def test_gains_are_means_over_seeds(splits, queries):
    generator = np.random.default_rng(0)
    count = len(queries.completion.masked.tokens)
    seeds = [MethodScores("ours", ranks=generator.integers(1, 9, count).astype(float)) for _ in range(3)]
    base = MethodScores("base", ranks=np.full(count, 2.0))
    *_, row = gain_table([seeds], [[base]], queries).splitlines()
    expected = np.mean([(1 / seed.ranks).mean() for seed in seeds]) - 0.5
    assert row.startswith(f"| base | {expected:+.3f} (")


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
