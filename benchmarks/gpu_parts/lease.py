"""The lease: processes that want the one GPU at the same time, and what NVML tells of it."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from gpu_parts.measure import Row

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

HOLDER = """
import sys, time
sys.path.insert(0, {scripts!r})
from booruflow.captioning.gpus.leases import lease
start = time.monotonic()
with lease() as gpu:
    print(time.monotonic() - start, gpu, flush=True)
    import torch
    print(torch.cuda.device_count(), torch.cuda.is_available() and torch.ones(1000, device="cuda").sum().item(), flush=True)
    time.sleep({seconds})
"""


def lease(options: argparse.Namespace) -> Iterator[Row]:
    """Two processes want the one GPU: the second gets it when the first is killed."""
    from booruflow.captioning.gpus import leases
    from booruflow.captioning.gpus.monitor import INTERVAL, GpuMonitor

    environment = {**os.environ, "BOORUFLOW_LOCKS": str(options.scratch / "locks")}
    if options.device == "cpu":
        environment |= {leases.SIMULATED: "1", "CUDA_VISIBLE_DEVICES": "0"}
    else:
        visible = leases.visible_gpus()
        yield {"case": "visible", "GPUs": str(visible)}
        environment["CUDA_VISIBLE_DEVICES"] = next(iter(visible), "")
    with ExitStack() as stack:
        holders = []
        for seconds in (600, 0):
            code = HOLDER.format(scripts=str(SCRIPTS), seconds=seconds)
            holders.append(subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True))
            stack.callback(holders[-1].kill)
            if seconds:
                (waited, gpu), (count, total) = (holders[0].stdout.readline().split() for _ in range(2))
                yield {"case": "first job", "waited, s": float(waited), "GPU": gpu, "torch sees": int(count), "sum": total}
        time.sleep(3)
        holders[0].kill()
        waited, gpu = holders[1].communicate(timeout=60)[0].split()[:2]
        yield {"case": "second job, started with the first, which is killed 3 s later", "waited, s": float(waited), "GPU": gpu}
    with GpuMonitor(gpu if options.device == "cuda" else None, None, lambda: False) as monitor:
        time.sleep(2 * INTERVAL + 0.5)
    yield {"case": "NVML, at rest", **monitor.figures()}
