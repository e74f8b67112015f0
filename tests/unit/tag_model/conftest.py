import pytest
import torch
from small_tag_sets import small_sets, split

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sets():
    return small_sets(500)


@pytest.fixture(scope="session")
def splits(sets):
    return split(sets)
