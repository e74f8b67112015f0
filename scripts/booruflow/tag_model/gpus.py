"""Which GPUs a job uses, and one process on each of them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accelerate import notebook_launcher

from booruflow.captioning.gpus.leases import lease


@contextmanager
def leased_gpus(gpus: int) -> Iterator[None]:
    """Make visible no GPU, one leased GPU, or (for several) all GPUs of CUDA_VISIBLE_DEVICES.

    Must be entered before CUDA is first used.
    """
    if gpus == 1:
        with lease():
            yield
    else:
        if not gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        yield


def run_on_gpus(work: Callable[[], None], gpus: int) -> None:
    """Run `work` in this process, or for several GPUs in one process per GPU, connected by `accelerate`."""
    if gpus > 1:
        notebook_launcher(work, num_processes=gpus)
    else:
        work()
