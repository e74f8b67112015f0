import numpy as np
import pytest
import torch

from booruflow.tag_model.protocol import split
from booruflow.tag_model.sets import tag_sets

torch.set_num_threads(1)


def made_up(count, seed=0):
    """Sets of one of six subjects each: tags of the subject, tags of any, in three categories."""
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


@pytest.fixture(scope="session")
def sets():
    return made_up(500)


@pytest.fixture(scope="session")
def splits(sets):
    return split(sets)
