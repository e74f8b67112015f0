"""Random draws that follow from a seed and the id of a post alone."""

import numpy as np
from numpy.typing import NDArray


def uniform(ids: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """A number from 0 to 1 (excluded) for each id, the same on every machine: SplitMix64 of the seed, then of the id."""
    with np.errstate(over="ignore"):
        start = _splitmix64(np.array([seed], np.uint64))
        return (_splitmix64(ids.astype(np.uint64) ^ start) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output function of SplitMix64 (Steele, Lea, Flood 2014; constants of its reference implementation)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
