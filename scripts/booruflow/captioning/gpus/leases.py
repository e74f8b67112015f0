"""GPUs for jobs: Snakemake counts GPUs but does not assign them, so a job takes a lease on as many as it needs.

A lease is a lock on a file per GPU. The kernel releases it when the holder dies, also by kill -9. Programs that the holder
starts do not inherit it, so that no leftover child keeps the GPU; only the supervisor of an engine does (`held_locks`), which
ends as soon as nothing of the engine is left on the GPU. GPU numbers are
those of nvidia-smi (`CUDA_DEVICE_ORDER=PCI_BUS_ID`). In a Slurm job only its own processes compete: Slurm divides the GPUs
between jobs, and may give one to several.
"""

import os
import random
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from booruflow.core.errors import UserError
from booruflow.core.files import LOCK_FOLDER, take_lock, writing

SIMULATED = "BOORUFLOW_GPUS"
"""Environment variable: pretend that the machine has this many GPUs, to try out scheduling."""
MAX_SIMULATED = 1024
_held: set[int] = set()
"""Descriptors of the locks that this process holds."""
NOTICE_SECONDS, POLL_SECONDS = 60.0, 0.2
"""While too few GPUs are free: the time between two notices, and between two attempts."""


def gpu_uuids() -> list[str]:
    """The UUIDs of the machine's GPUs in nvidia-smi's order, without importing torch; empty if there are none.

    Raises:
        UserError: `BOORUFLOW_GPUS` is not a number of GPUs.
    """
    if (simulated := os.environ.get(SIMULATED)) is not None:
        if not (simulated.isascii() and simulated.isdecimal() and len(simulated) <= 4 and int(simulated) <= MAX_SIMULATED):
            raise UserError(
                f"environment variable {SIMULATED}: {simulated!r} is not a number of GPUs from 0 to {MAX_SIMULATED}:"
                " correct it, or unset it to use the real GPUs"
            )
        return [f"simulated-{number}" for number in range(int(simulated))]
    try:
        listing = subprocess.run(
            ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return listing.stdout.split()


def visible_gpus() -> dict[str, str]:
    """The GPUs this process may use: the entry for CUDA_VISIBLE_DEVICES -> the GPU (UUID, or MIG id), each GPU once.

    An existing CUDA_VISIBLE_DEVICES is read as CUDA reads it: numbers, or UUIDs that may be abbreviated; the list ends
    at the first entry that is not a GPU. What Slurm wrote there counts also without nvidia-smi.

    Raises:
        UserError: see `gpu_uuids`.
    """
    uuids = gpu_uuids()
    preset = os.environ.get("CUDA_VISIBLE_DEVICES")
    if preset is None:
        return {str(number): uuid for number, uuid in enumerate(uuids)}
    visible: dict[str, str] = {}
    for entry in (entry.strip() for entry in preset.split(",")):
        if entry.isdecimal() and len(entry) <= 4 and int(entry) < len(uuids):
            gpu = uuids[int(entry)]
        elif entry.startswith("MIG-"):
            gpu = entry
        elif entry and not entry.isdecimal() and (matching := [uuid for uuid in uuids if uuid.startswith(entry)]):
            gpu = matching[0]
        elif not uuids and "SLURM_JOB_ID" in os.environ and (entry.isdecimal() or entry.startswith("GPU-")):
            gpu = f"{socket.gethostname()}-{entry}"
        else:
            break
        if gpu not in visible.values():
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
def lease(count: int = 1, key: str = "captioner.device") -> Iterator[str]:
    """Hold GPUs while the block runs, with CUDA_VISIBLE_DEVICES set to them; yields that value.

    Waits while other jobs hold so many that too few are free. All are taken at once or none, so that two jobs that need
    several never wait for each other. Call it before torch is imported: CUDA reads the variable only once.

    Args:
        count: the number of GPUs.
        key: the config key that requests them, for the error.

    Raises:
        UserError: fewer GPUs are visible, or there can be no lock: see `take_lock`.
    """
    visible = visible_gpus()
    if len(visible) < count:
        raise UserError(
            f"{key}: {count} needed, and there {'is' if len(visible) == 1 else 'are'}"
            f" {len(visible) or 'no'} visible GPU{'' if len(visible) == 1 else 's'}: change {key}, or repair the driver"
        )
    locks = _wait_for_gpus(visible, count)
    entries = ",".join(locks)
    changed = {"CUDA_VISIBLE_DEVICES": entries, "CUDA_DEVICE_ORDER": os.environ.get("CUDA_DEVICE_ORDER", "PCI_BUS_ID")}
    former = {name: os.environ.get(name) for name in changed}
    os.environ |= changed
    _held.update(locks.values())
    try:
        yield entries
    finally:
        _held.difference_update(locks.values())
        _free(locks)
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def held_locks() -> tuple[int, ...]:
    """Descriptors of this process's leases: a process that gets them keeps the GPUs leased for as long as it lives."""
    return tuple(_held)


def _wait_for_gpus(visible: Mapping[str, str], count: int) -> dict[str, int]:
    """The first GPUs that no running job holds: entry -> descriptor of its lock."""
    folder, scope = _lock_folder(), _scope()
    paths = {entry: folder / f"{scope}{gpu.replace('/', '_')}.lock" for entry, gpu in visible.items()}
    last_notice = -NOTICE_SECONDS
    while (locks := _take(paths, count)) is None:
        if time.monotonic() - last_notice > NOTICE_SECONDS:
            sys.stderr.write(f"waiting for {count} of the GPUs {', '.join(visible)}, which other jobs hold\n")
            last_notice = time.monotonic()
        time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))  # so that no two jobs try in step for ever
    return locks


def _take(paths: Mapping[str, Path], count: int) -> dict[str, int] | None:
    """Locks on `count` of the files, or on none; taken in one order by all jobs, so that one of several succeeds."""
    locks: dict[str, int] = {}
    untried = len(paths)
    try:
        for entry, path in sorted(paths.items(), key=lambda item: item[1]) if count > 1 else paths.items():
            if len(locks) + untried < count:
                break
            untried -= 1
            if (descriptor := take_lock(path, 0o600)) is not None:
                locks[entry] = descriptor
                if len(locks) == count:
                    return {entry: locks[entry] for entry in paths if entry in locks}
    except BaseException:
        _free(locks)
        raise
    _free(locks)
    return None


def _free(locks: Mapping[str, int]) -> None:
    for descriptor in locks.values():
        os.close(descriptor)


def _scope() -> str:
    """The first part of a lock's name: jobs compete only with those that have the same."""
    job = os.environ.get("SLURM_JOB_ID")
    return f"slurm-{job.replace('/', '_')}-" if job else ""


def _lock_folder() -> Path:
    """The folder of the locks: the one that `BOORUFLOW_LOCKS` names, or the user's own one in the temporary directory.

    Everybody can write to the temporary directory, so another user may have made the folder, or a link in its place.

    Raises:
        UserError: the folder is not the user's own.
    """
    if named := os.environ.get(LOCK_FOLDER):
        return Path(named)
    folder = Path(tempfile.gettempdir()) / f"booruflow-gpus-{os.getuid()}"
    with writing(folder):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise UserError(
            f"{folder}: must be a folder of your own, and is {_kind(status)}: remove it, or set the environment variable"
            f" {LOCK_FOLDER} to a folder that only you can write to"
        )
    if status.st_mode & 0o077:
        with writing(folder):
            folder.chmod(0o700)
    return folder


def _kind(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "a link"
    return f"one of user {status.st_uid}" if stat.S_ISDIR(status.st_mode) else "no folder"
