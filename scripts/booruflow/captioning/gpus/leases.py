"""One GPU per job: Snakemake counts GPUs but does not assign them, so a job takes a lease on one.

A lease is a `flock` on a file per GPU in a folder per user. The kernel releases it when the holder dies, also by
kill -9. Child processes do not inherit it (Python closes the descriptor on exec): the model is loaded in the holder itself,
so a leftover child must not keep the GPU. GPU numbers are those of nvidia-smi (`CUDA_DEVICE_ORDER=PCI_BUS_ID`).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from booruflow.core.errors import UserError

SIMULATED = "BOORUFLOW_GPUS"
"""Environment variable: pretend that the machine has this many GPUs, to try out scheduling."""
NOTICE_SECONDS, POLL_SECONDS = 60.0, 0.2
"""While all GPUs are held: the time between two notices, and between two attempts."""


def gpu_uuids() -> list[str]:
    """The UUIDs of the machine's GPUs in nvidia-smi's order, without importing torch; empty if there are none."""
    if (simulated := os.environ.get(SIMULATED)) is not None:
        return [f"simulated-{number}" for number in range(int(simulated))]
    try:
        listing = subprocess.run(
            ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"], capture_output=True, text=True, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []
    return listing.stdout.split()


def visible_gpus() -> dict[str, str]:
    """The GPUs this process may use: the entry for CUDA_VISIBLE_DEVICES -> the GPU (UUID, or MIG id).

    An existing CUDA_VISIBLE_DEVICES is read as CUDA reads it: numbers, or UUIDs that may be abbreviated; the list ends
    at the first entry that is not a GPU.
    """
    uuids = gpu_uuids()
    preset = os.environ.get("CUDA_VISIBLE_DEVICES")
    if preset is None:
        return {str(number): uuid for number, uuid in enumerate(uuids)}
    visible: dict[str, str] = {}
    for entry in (entry.strip() for entry in preset.split(",")):
        if entry.isdecimal() and int(entry) < len(uuids):
            gpu = uuids[int(entry)]
        elif entry.startswith("MIG-"):
            gpu = entry
        elif entry and not entry.isdecimal() and (matching := [uuid for uuid in uuids if uuid.startswith(entry)]):
            gpu = matching[0]
        else:
            break
        visible[entry] = gpu
    return visible


def check_gpus(requested: int) -> None:
    """Check at the start, as Snakemake does not, that `--resources gpu=<requested>` is not more than there are.

    Raises:
        UserError: fewer GPUs are visible than requested.
    """
    count = len(visible_gpus())
    if requested > count:
        raise UserError(
            f"--resources gpu={requested}: this machine has {count} visible GPU{'' if count == 1 else 's'}:"
            f" request gpu={count}" + ("" if count else ", or set captioner.device to cpu")
        )


@contextmanager
def lease() -> Iterator[str]:
    """Hold one GPU while the block runs, with CUDA_VISIBLE_DEVICES set to it; yields that value.

    Waits while other jobs hold all GPUs. Under Slurm the scheduler has assigned the GPU, and nothing is changed.
    Call it before torch is imported: CUDA reads the variable only once.

    Raises:
        UserError: there is no GPU.
    """
    if "SLURM_JOB_ID" in os.environ:
        yield os.environ.get("CUDA_VISIBLE_DEVICES", "")
        return
    visible = visible_gpus()
    if not visible:
        raise UserError("captioner.device is cuda and there is no visible GPU: set it to cpu, or repair the driver")
    folder = Path(tempfile.gettempdir()) / f"booruflow-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    entry, descriptor = _lock_free_gpu(visible, folder)
    old_values = {name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")}
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    os.environ["CUDA_VISIBLE_DEVICES"] = entry
    try:
        yield entry
    finally:
        os.close(descriptor)
        for name, value in old_values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _lock_free_gpu(visible: dict[str, str], folder: Path) -> tuple[str, int]:
    """The first GPU that no running job holds, and the descriptor of its lock."""
    import fcntl  # not at the top: Windows has no fcntl, and the rules count GPUs there too

    last_notice = -NOTICE_SECONDS
    while True:
        for entry, gpu in visible.items():
            descriptor = os.open(folder / f"{gpu.replace('/', '_')}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            return entry, descriptor
        if time.monotonic() - last_notice > NOTICE_SECONDS:
            sys.stderr.write(f"all GPUs ({', '.join(visible)}) are held by other jobs: waiting\n")
            last_notice = time.monotonic()
        time.sleep(POLL_SECONDS)
