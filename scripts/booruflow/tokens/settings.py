"""The config sections `tokens` and `tag_model`, as far as the schema cannot check them.

Loaded by Snakemake's own process, so it imports no data libraries.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any


def token_errors(section: Mapping[str, Any]) -> list[str]:
    """A line for each fault of the section."""
    return [f"tokens.{line}" for line in edge_errors(section["score_edges"])]


def tag_model_errors(section: Mapping[str, Any]) -> list[str]:
    """A line for each fault of the section."""
    architecture, training = section["architecture"], section["training"]
    return [
        *split_errors(**{key: section["split"][key] for key in ("train", "validation")}),
        *architecture_errors(**{key: architecture[key] for key in ("hidden_size", "heads", "matryoshka_sizes")}),
        *training_errors(training["mask_ratio_min"], training["mask_ratio_max"]),
        *batch_errors(training["batch_size"], training["gradient_accumulation"], max(section["gpus"], 1)),
    ]


def edge_errors(score_edges: Sequence[int]) -> Iterator[str]:
    """A line if the edges of the buckets of scores do not ascend."""
    if any(low >= high for low, high in pairwise(score_edges)):
        yield f"score_edges {list(score_edges)}: must ascend: sort them and remove duplicates"


def split_errors(train: int, validation: int) -> Iterator[str]:
    """A line if the percentages of the two leave nothing for the test."""
    if train + validation >= 100:
        yield f"tag_model.split: train {train} and validation {validation} leave nothing of 100 for the test: lower one"


def architecture_errors(hidden_size: int, heads: int, matryoshka_sizes: Sequence[int]) -> Iterator[str]:
    """A line for each of the sizes of a model that does not fit the others."""
    place, sizes = "tag_model.architecture", list(matryoshka_sizes)
    if hidden_size % heads:
        yield f"{place}.hidden_size: {hidden_size} is not a multiple of heads ({heads}): change one"
    if sizes != sorted(set(sizes)) or sizes[-1] > hidden_size:
        yield f"{place}.matryoshka_sizes: {sizes} must ascend and be at most hidden_size ({hidden_size}): correct them"


def training_errors(mask_ratio_min: float, mask_ratio_max: float) -> Iterator[str]:
    """A line if the range of the share of masked tags is empty."""
    if mask_ratio_min > mask_ratio_max:
        yield f"tag_model.training: mask_ratio_min {mask_ratio_min} is above mask_ratio_max {mask_ratio_max}: lower it"


def batch_errors(batch_size: int, gradient_accumulation: int, processes: int) -> Iterator[str]:
    """A line if a batch cannot be divided among the processes and the steps that gradients are gathered in."""
    if batch_size % (gradient_accumulation * processes):
        yield (
            f"tag_model.training: batch_size {batch_size} is not a multiple of gradient_accumulation {gradient_accumulation}"
            f" times {processes} processes: change one"
        )
