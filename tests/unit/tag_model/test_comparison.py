import json

import numpy as np
import pytest

from booruflow.tag_model import rivals
from booruflow.tag_model.comparison import (
    Contender,
    Result,
    all_rivals,
    averaged,
    compared,
    completion_table,
    contenders_of,
    examine,
    gain_line,
    questions,
    report,
    rows_of,
)
from booruflow.tag_model.evaluation import figures, ranks
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.protocol import completion
from booruflow.tag_model.training import new_model


@pytest.fixture(scope="module")
def asked(splits):
    return questions(splits, splits.test, ["character", "meta"])


@pytest.fixture(scope="module")
def model(splits):
    vocabulary = splits.train.vocabulary
    form = ModelConfig(len(vocabulary), len(vocabulary.categories), width=32, layers=1, heads=2, nested=(8, 32))
    return new_model(form, splits.train, seed=0).eval()


def test_everyone_is_asked_everything(splits, asked, model):
    check = completion(splits.validation)
    results = compared({"bag": model, "model": model}, splits.train, asked, check, 100)
    names = [result.name for result in results]
    assert names[:4] == ["frequency", "per-category frequency", "naive Bayes", "item kNN (idf cosine)"]
    assert {"PPMI-SVD 8", "PPMI-SVD 32", "EASE", "EDLAE", "EDLAE low-rank 8", "bag 8", "bag 32", "model 8", "model 32"} <= set(
        names
    )
    by_name = {result.name: result for result in results}
    assert (
        by_name["EDLAE"].completion["all"]["MRR"]
        == figures(ranks(rivals.linear(rivals.edlae(splits.train)), asked.completion))["MRR"]
    )
    assert set(by_name["model 8"].retrieval) == {"all", "category character", "category meta"}
    page = report(results, [gain_line([by_name["model 32"]], by_name["EDLAE"], asked.completion)])
    assert page.count("\n| EASE |") == 1 and "- model 32 over EDLAE: " in page
    widths = [line.count("|") for line in page.splitlines() if line.startswith("|")]
    assert widths[: len(results) + 2] == [13] * (len(results) + 2)


def test_fusion_is_no_worse_on_validation_than_the_model_alone(splits, model):
    check = completion(splits.validation)
    *_, whole, fused = contenders_of("model", model, splits.train, check)
    assert figures(ranks(fused.scorer, check))["MRR"] >= figures(ranks(whole.scorer, check))["MRR"]


def test_the_gallery_is_capped(splits):
    few = questions(splits, splits.test, ["character"], most_sets=10, most_gallery=20)
    assert len(few.completion.shown) == 30
    assert len(few.retrievals[0].gallery) <= 20
    near = next(rival for rival in all_rivals(splits.train, (8,), 20) if rival.name.startswith("item kNN"))
    assert near.parameters < len(splits.train.tokens) / 10


def test_averages_and_json(splits, asked):
    results = [
        Result("x", {"all": {"MRR": value}, "tail": {"MRR": float("nan")}}, {}, 3, seconds)
        for value, seconds in ((0.1, 1.0), (0.3, 2.0))
    ]
    mean = averaged(results)
    assert mean.completion["all"]["MRR"] == pytest.approx(0.2)
    assert mean.seconds == 1.5
    (row,) = json.loads(rows_of([mean]))
    assert row["completion"]["tail"]["MRR"] is None
    assert np.isnan(mean.completion["tail"]["MRR"])


def test_a_contender_that_only_embeds(splits, asked):
    result = examine(Contender("directions", embedder=lambda sets: sets.matrix()), asked)
    assert result.completion == {} and 0 < result.retrieval["all"]["mAP"] <= 1
    cells = completion_table([result]).splitlines()[-1].split("|")
    assert cells[2:9] == ["  "] * 7 and cells[-2] == "  "
