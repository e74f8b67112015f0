"""One GPU for each job: Snakemake counts GPUs and does not assign them, so a job takes a lease on one.

A lease is a `flock` on a file per GPU in a folder per user. The kernel frees it when its holder dies, also by
kill -9. The descriptor is closed on exec (Python's default): the model lives in the holder itself, so a stray
helper process must not keep the GPU. GPU numbers are nvidia-smi's (`CUDA_DEVICE_ORDER=PCI_BUS_ID`).
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
"""Environment variable: so many GPUs are there, whatever is there (to try out scheduling without a GPU)."""
NOTICE_EVERY, POLL_EVERY = 60.0, 0.2
"""Seconds between two notices, and between two tries, while all GPUs are held."""


def gpus() -> list[str]:
    """The UUIDs of the machine's GPUs in nvidia-smi's order, without importing torch; empty when there are none."""
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
    """The GPUs this process may use: what to put into CUDA_VISIBLE_DEVICES -> which GPU it is (UUID, or MIG id).

    A preset CUDA_VISIBLE_DEVICES is honoured as CUDA does: numbers, or UUIDs that may be cut short; the list ends
    at the first entry that names no GPU.
    """
    present = gpus()
    preset = os.environ.get("CUDA_VISIBLE_DEVICES")
    if preset is None:
        return {str(number): uuid for number, uuid in enumerate(present)}
    visible: dict[str, str] = {}
    for entry in (entry.strip() for entry in preset.split(",")):
        if entry.isdecimal() and int(entry) < len(present):
            gpu = present[int(entry)]
        elif entry.startswith("MIG-"):
            gpu = entry
        elif entry and not entry.isdecimal() and (found := [uuid for uuid in present if uuid.startswith(entry)]):
            gpu = found[0]
        else:
            break
        visible[entry] = gpu
    return visible


def check_gpus(asked: int) -> None:
    """Check at the start what Snakemake does not: that `--resources gpu=<asked>` is not more than there is.

    Raises:
        UserError: fewer GPUs are visible than asked for.
    """
    there = len(visible_gpus())
    if asked > there:
        raise UserError(
            f"--resources gpu={asked}: this machine shows {there} GPU{'' if there == 1 else 's'}:"
            f" ask for gpu={there}" + ("" if there else ", or set captioner.device to cpu")
        )


@contextmanager
def lease() -> Iterator[str]:
    """Hold one GPU while the block runs, with CUDA_VISIBLE_DEVICES set to it; yields that value.

    Waits while other jobs hold all GPUs. Under Slurm the scheduler has assigned the GPU, and nothing is changed.
    Call it before torch is imported: CUDA reads the variable once.

    Raises:
        UserError: there is no GPU.
    """
    if "SLURM_JOB_ID" in os.environ:
        yield os.environ.get("CUDA_VISIBLE_DEVICES", "")
        return
    visible = visible_gpus()
    if not visible:
        raise UserError("captioner.device is cuda and no GPU is to be seen: set it to cpu, or mend the driver")
    folder = Path(tempfile.gettempdir()) / f"booruflow-GPUs-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    entry, descriptor = _first_free(visible, folder)
    before = {name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")}
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    os.environ["CUDA_VISIBLE_DEVICES"] = entry
    try:
        yield entry
    finally:
        os.close(descriptor)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _first_free(visible: dict[str, str], folder: Path) -> tuple[str, int]:
    """The first GPU that no live job holds, and the descriptor that now holds it."""
    import fcntl  # here, not above: Windows has none, and the rules count GPUs there too

    noticed = -NOTICE_EVERY
    while True:
        for entry, gpu in visible.items():
            descriptor = os.open(folder / f"{gpu.replace('/', '_')}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            return entry, descriptor
        if time.monotonic() - noticed > NOTICE_EVERY:
            sys.stderr.write(f"all GPUs ({', '.join(visible)}) are held by other jobs: waiting\n")
            noticed = time.monotonic()
        time.sleep(POLL_EVERY)
