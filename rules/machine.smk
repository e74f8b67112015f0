"""The resources of this machine: how many GPUs and how much memory all jobs together may use, and settings of their memory.

Limits given on the command line (`--resources`) stay. On a cluster the scheduler does the counting, and nothing is limited here.
Needs and makes nothing. Reads tag_model.gpus.
"""

import os
import sys

import psutil

from booruflow.captioning.gpus.leases import check_gpus, visible_gpus
from booruflow.core.jobs import ALLOCATOR_SETTINGS

for name, value in ALLOCATOR_SETTINGS.items():
    os.environ.setdefault(name, value)
os.environ.setdefault("POLARS_MAX_THREADS", "1")  # most rules have one thread

LOCAL = is_main_process() and not runs_on_cluster()
try:
    GPUS = len(visible_gpus()) if LOCAL else 0
except UserError as error:
    sys.exit(str(error))

if GPUS and resource_limit("gpu") is None:
    set_resource_limit("gpu", GPUS)
if LOCAL and resource_limit("mem_mb") is None:
    set_resource_limit("mem_mb", psutil.virtual_memory().total >> 20)


def check_gpu_jobs():
    """End the run before the first job if a planned job needs a GPU that this machine does not have: it would fail after hours.

    That is if there is no GPU, or fewer than `--resources gpu=N` allows or one job needs.
    """
    if not LOCAL or only_touches():
        return
    gpu_rules = {job.rule.name for job in unfinished_jobs() if job.resources.get("gpu")}
    if not gpu_rules:
        return
    if not GPUS:
        sys.exit(
            f"{', '.join(sorted(gpu_rules))} needs a GPU, and none is visible on this machine:"
            " set captioner.device to cpu, repair the driver, or use a cluster's profile"
        )
    try:
        check_gpus(resource_limit("gpu"))
    except UserError as error:
        sys.exit(str(error))
    needed = config["tag_model"]["gpus"]
    if "train_tag_model" in gpu_rules and needed > resource_limit("gpu"):  # Snakemake would start it all the same
        sys.exit(
            f"config.yaml: tag_model.gpus: {needed} needed, and this run may use {resource_limit('gpu')}:"
            " lower it, or raise --resources gpu"
        )
