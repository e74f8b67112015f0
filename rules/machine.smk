"""What one machine can do at once: GPUs and memory, counted where the command line does not say; how its jobs use memory.

Needs and makes nothing. Under a cluster's scheduler (`--jobs`, `--executor`) it leaves all to the scheduler.
"""

import os

import psutil

from booruflow.captioning.gpus.leases import check_gpus, visible_gpus
from booruflow.core.memory import ALLOCATOR_SETTINGS

for name, value in ALLOCATOR_SETTINGS.items():
    os.environ.setdefault(name, value)
os.environ.setdefault("POLARS_MAX_THREADS", "1")  # the one thread that most rules ask for

LOCAL = workflow.is_main_process and workflow.global_resources["_nodes"].value is None
GPUS = len(visible_gpus()) if LOCAL else 0

if LOCAL:
    if GPUS and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", GPUS)
    if "mem_mb" not in workflow.global_resources:
        workflow.register_resource("mem_mb", psutil.virtual_memory().total >> 20)


def check_gpu_jobs():
    """Stop before the first job when one needs a GPU and there is none, or fewer than were asked for: it would fail after hours."""
    waiting = () if workflow.touch or not LOCAL else workflow.dag.needrun_jobs()
    rules_with_gpu = {job.rule.name for job in waiting if job.resources.get("gpu")}
    if not rules_with_gpu:
        return
    if not GPUS:
        raise WorkflowError(
            f"{', '.join(sorted(rules_with_gpu))} needs a GPU and this machine shows none:"
            " set captioner.device to cpu, mend the driver, or use a cluster's profile"
        )
    try:
        check_gpus(workflow.global_resources["gpu"].value)
    except UserError as error:
        raise WorkflowError(str(error)) from None
