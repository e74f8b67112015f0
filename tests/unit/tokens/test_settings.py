import copy
from pathlib import Path

import pytest
import yaml

from booruflow.core.config import check_config
from booruflow.tokens.settings import tag_model_errors, token_errors

SCHEMA = yaml.safe_load(Path("rules/schemas/config.schema.yaml").read_text("utf-8"))


@pytest.mark.parametrize("edges", [[], [0], [-5, 0, 10]])
def test_edges_that_ascend(edges):
    assert token_errors({"score_edges": edges}) == []


@pytest.mark.parametrize("edges", [[5, 5], [0, 10, 5]])
def test_edges_that_do_not_ascend(edges):
    assert token_errors({"score_edges": edges}) == [f"tokens.score_edges {edges}: must ascend: sort them and remove duplicates"]


@pytest.fixture(scope="module")
def defaults():
    return check_config({}, SCHEMA["properties"]["tag_model"])


def test_the_defaults_fit_each_other(defaults):
    assert tag_model_errors(defaults) == []


@pytest.mark.parametrize(
    ("part", "values", "line"),
    [
        (
            "split",
            {"train": 90, "validation": 10},
            "split: train 90 and validation 10 leave nothing of 100 for the test: lower one",
        ),
        ("architecture", {"heads": 3}, "architecture.hidden_size: 128 is not a multiple of heads (3): change one"),
        (
            "architecture",
            {"hidden_size": 64},
            "architecture.matryoshka_sizes: [32, 64, 128] must ascend and be at most hidden_size (64): correct them",
        ),
        (
            "architecture",
            {"matryoshka_sizes": [64, 32]},
            "architecture.matryoshka_sizes: [64, 32] must ascend and be at most hidden_size (128): correct them",
        ),
        ("training", {"mask_ratio_min": 0.8}, "training: mask_ratio_min 0.8 is above mask_ratio_max 0.75: lower it"),
        (
            "training",
            {"gradient_accumulation": 3},
            "training: batch_size 32 is not a multiple of gradient_accumulation 3 times 1 processes: change one",
        ),
    ],
)
def test_values_that_do_not_fit_each_other(defaults, part, values, line):
    section = copy.deepcopy(defaults)
    section[part] |= values
    assert tag_model_errors(section) == [f"tag_model.{line}"]


def test_a_batch_is_divided_among_the_gpus(defaults):
    [line] = tag_model_errors(defaults | {"gpus": 5})
    assert "batch_size 32 is not a multiple of gradient_accumulation 1 times 5 processes" in line
