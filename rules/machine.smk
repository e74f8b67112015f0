"""The resources of this machine: how many GPUs and how much memory all jobs together may use, and settings of their memory.

Limits given on the command line (`--resources`) stay. On a cluster the scheduler does the counting, and nothing is limited here.
Needs and makes nothing; reads nothing from the config.
"""

import os

import psutil

from booruflow.captioning.gpus.leases import check_gpus, visible_gpus
from booruflow.core.jobs import ALLOCATOR_SETTINGS

for name, value in ALLOCATOR_SETTINGS.items():
    os.environ.setdefault(name, value)
os.environ.setdefault("POLARS_MAX_THREADS", "1")  # most rules have one thread

LOCAL = is_main_process() and not runs_on_cluster()
GPUS = len(visible_gpus()) if LOCAL else 0

if GPUS and resource_limit("gpu") is None:
    set_resource_limit("gpu", GPUS)
if LOCAL and resource_limit("mem_mb") is None:
    set_resource_limit("mem_mb", psutil.virtual_memory().total >> 20)


def check_gpu_jobs():
    """Stop before the first job if a planned job needs a GPU that this machine does not have: it would fail after hours.

    Raises:
        WorkflowError: there is no GPU, or fewer than `--resources gpu=N` allows.
    """
    if not LOCAL or only_touches():
        return
    gpu_rules = {job.rule.name for job in unfinished_jobs() if job.resources.get("gpu")}
    if not gpu_rules:
        return
    if not GPUS:
        raise WorkflowError(
            f"{', '.join(sorted(gpu_rules))} needs a GPU, and none is visible on this machine:"
            " set captioner.device to cpu, repair the driver, or use a cluster's profile"
        )
    try:
        check_gpus(resource_limit("gpu"))
    except UserError as error:
        raise WorkflowError(str(error)) from None
