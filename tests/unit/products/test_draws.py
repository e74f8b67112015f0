import numpy as np
import pytest

from booruflow.products.draws import uniform


def splitmix64(value):
    mask = (1 << 64) - 1
    value = (value + 0x9E3779B97F4A7C15) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return value ^ (value >> 31)


def test_the_hash_is_the_same_everywhere():
    assert splitmix64(0) == 0xE220A8397B1DCDAF  # of the reference implementation
    ids = [0, 1, 2, 8_005_010, 10**18 - 1]
    expected = [(splitmix64(post ^ splitmix64(7)) >> 11) / 2**53 for post in ids]
    assert uniform(np.array(ids), 7).tolist() == expected
    draws = uniform(np.arange(100_000), 7)
    assert draws.min() >= 0 and draws.max() < 1 and draws.mean() == pytest.approx(0.5, abs=0.01)
