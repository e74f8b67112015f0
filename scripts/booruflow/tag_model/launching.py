"""Which GPUs a job uses, and one process on each."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accelerate import notebook_launcher

from booruflow.captioning.gpus.leases import lease


@contextmanager
def holding(gpus: int) -> Iterator[None]:
    """See no GPU, one that is leased, or for several all that CUDA_VISIBLE_DEVICES leaves.

    Call it before CUDA is first used.
    """
    if gpus == 1:
        with lease():
            yield
    else:
        if not gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        yield


def spread(work: Callable[[], None], gpus: int) -> None:
    """Run `work` in this process, or in one process for each of several GPUs, joined by `accelerate`."""
    if gpus > 1:
        notebook_launcher(work, num_processes=gpus)
    else:
        work()
