"""The training of the tag-set model on the GPU (`tag_model.gpus: 1`)."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpu_parts.measure import Gpu, Row

SCHEMA = Path(__file__).resolve().parents[2] / "rules/schemas/config.schema.yaml"
TAG_SETS = {"full": (20_000, 8_000), "small": (400, 60)}
"""Sets and tags."""
SETS_PER_STEP, STEPS = {"full": 512, "small": 100}, {"full": 100, "small": 4}


def tag_model(options: argparse.Namespace) -> Iterator[Row]:
    """Steps of the training on the leased GPU: in float32, in bf16, and in bf16 with the other kind of attention."""
    import numpy as np
    import yaml
    from debian_sets import tag_sets

    from booruflow.core.config import check_config
    from booruflow.tag_model.gpus import leased_gpus
    from booruflow.tag_model.model import ModelConfig
    from booruflow.tag_model.protocol import completion_queries, sample_sets, split_sets

    schema = yaml.safe_load(SCHEMA.read_text("utf-8"))["properties"]["tag_model"]
    defaults = check_config({}, schema)
    sets, tags = TAG_SETS[options.shape]
    draw = np.random.default_rng(0)
    sizes = draw.integers(20, 45, sets)
    ranks = np.minimum(draw.zipf(1.3, sizes.sum()), tags)
    names = np.array([f"{('general', 'character', 'meta')[number % 3]}::{number}" for number in range(tags + 1)])
    lists = np.split(names[ranks], np.cumsum(sizes)[:-1])
    splits = split_sets([tag_sets(lists, range(sets), range(sets))], "v1", train=90, validation=5)
    queries = completion_queries(sample_sets(splits.validation, 500))
    vocabulary = splits.train.vocabulary
    architecture = ModelConfig(len(vocabulary), len(vocabulary.categories), **defaults["architecture"])
    with leased_gpus(1 if options.device == "cuda" else 0):
        from accelerate.state import AcceleratorState

        from booruflow.tag_model.training import Trainer, TrainingConfig

        for precision, attention in (("no", "padded"), ("bf16", "padded"), ("bf16", "nested")):
            AcceleratorState._reset_state(reset_partial_state=True)  # as a process of its own would begin
            changes = {"epochs": 100, "mixed_precision": precision, "attention": attention, "validations": 1}
            changes |= {"batch_size": SETS_PER_STEP[options.shape]}
            config = TrainingConfig(**defaults["training"] | changes)
            checkpoint = options.scratch / f"{precision}-{attention}.pt"
            trainer = Trainer(splits.train, queries, architecture, config, checkpoint)
            yield {"case": f"{precision}, {attention}", **training_figures(trainer, options)}
        trainer.validate(0.0, 0.0)
        trainer.save()
        resumed = Trainer(splits.train, queries, architecture, config, checkpoint)
        loss = resumed.take_step(10 * STEPS[options.shape])
        yield {"case": "the last one, resumed", "at step": resumed.step, "MRR": resumed.log[-1]["MRR"], "last loss": loss}


def training_figures(trainer: Any, options: argparse.Namespace) -> Row:  # noqa: ANN401
    """Speed and loss of a few steps after as many to warm up."""
    gpu, steps = Gpu(options.device), STEPS[options.shape]
    first = [trainer.take_step(10 * steps) for _ in range(steps // 2)]
    start = gpu.start()
    losses = [trainer.take_step(10 * steps) for _ in range(steps)]
    seconds = gpu.now() - start
    return {
        "device": str(trainer.accelerator.device),
        "sets/s": steps * trainer.config.batch_size / seconds,
        "ms a step": 1000 * seconds / steps,
        "first loss": first[0],
        "last loss": losses[-1],
        "GPU memory, GB": gpu.peak(),
    }
