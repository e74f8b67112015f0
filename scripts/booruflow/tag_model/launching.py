"""Which cards a job uses, and one process on each."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accelerate import notebook_launcher

from booruflow.cards import lease


@contextmanager
def holding(cards: int) -> Iterator[None]:
    """See no card, one that is leased, or for several all that CUDA_VISIBLE_DEVICES leaves.

    Call it before CUDA is first used.
    """
    if cards == 1:
        with lease():
            yield
    else:
        if not cards:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        yield


def spread(work: Callable[[], None], cards: int) -> None:
    """Run `work` in this process, or in one process for each of several cards, joined by `accelerate`."""
    if cards > 1:
        notebook_launcher(work, num_processes=cards)
    else:
        work()
