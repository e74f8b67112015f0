"""Which GPUs a job uses, and one process on each of them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accelerate import notebook_launcher

from booruflow.captioning.gpus.leases import lease


@contextmanager
def leased_gpus(gpus: int) -> Iterator[None]:
    """Make that many leased GPUs visible while the block runs, or none. Must be entered before CUDA is first used.

    Raises:
        UserError: see `lease`.
    """
    if gpus:
        with lease(gpus, "tag_model.gpus"):
            yield
    else:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        yield


def run_on_gpus(work: Callable[[], None], gpus: int) -> None:
    """Run `work` in this process, or for several GPUs in one process per GPU, connected by `accelerate`."""
    if gpus > 1:
        notebook_launcher(work, num_processes=gpus)
    else:
        work()
