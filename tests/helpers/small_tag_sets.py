"""Small tag sets, splits and configs for the tests of the tag-set model."""

from pathlib import Path

import numpy as np
import yaml
from debian_sets import tag_sets

from booruflow.core.config import check_config
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.protocol import split_sets
from booruflow.tag_model.training import TrainingConfig

SCHEMA = Path(__file__).parents[2] / "rules/schemas/config.schema.yaml"
DEFAULTS = check_config({}, yaml.safe_load(SCHEMA.read_text())["properties"]["tag_model"])


def small_sets(count, seed=0):
    """Sets of one of six subjects each: tags of the subject and general tags, in three categories."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        subject = generator.integers(6)
        tags = [f"character::c{subject}"] if generator.random() < 0.8 else []
        tags += [f"general::g{subject}_{i}" for i in np.flatnonzero(generator.random(6) < 0.6)]
        tags += [f"general::any{i}" for i in np.flatnonzero(generator.random(8) < 0.3)]
        tags += [f"meta::m{generator.integers(3)}"]
        rows.append(tags)
    return tag_sets(rows, range(count), range(count))


def split(sets, salt="v1"):
    """80% for training, 10% for validation, 10% for the test."""
    return split_sets([sets], salt, train=80, validation=10)


def small_architecture(vocabulary, **changes):
    """A model of one layer with vectors of 8 and 32 numbers."""
    small = {"hidden_size": 32, "layers": 1, "heads": 2, "matryoshka_sizes": (8, 32)}
    return ModelConfig(len(vocabulary), len(vocabulary.categories), **DEFAULTS["architecture"] | small | changes)


def training_config(**changes):
    """The defaults of the schema, but for the changes."""
    return TrainingConfig(**DEFAULTS["training"] | changes)
