"""A Slurm cluster of this machine alone, whose GPUs are device files without hardware.

Real `slurmctld`, `slurmd` and `munged`, started as root without systemd, and stopped at the end. The configuration must be
in /etc/slurm: the executor plugin removes all SLURM_ variables, SLURM_CONF included, from the environment of jobs.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ETC = Path("/etc/slurm")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PACKAGES = "slurmctld slurmd slurm-client munge"
"""Debian packages."""


def reason_to_skip() -> str | None:
    """Why no cluster can be started on this machine; None if one can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "a Slurm node can only be started by root"
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        return f"no {', '.join(missing)} here: apt-get install {PACKAGES}"
    if any(ETC.joinpath(name).exists() for name in ("slurm.conf", "gres.conf")):
        return f"{ETC} already has a configuration"
    return None


@contextmanager
def slurm_node(root: Path, gpus: int = 2, cpus: int = 16, memory: int = 16_000) -> Iterator[Path]:
    """Run a cluster of one node while the block runs; yields the log of finished jobs.

    Args:
        root: folder for its state and logs.
        gpus: number of its GPUs.
        cpus: number of CPUs that it reports.
        memory: memory in MB that it reports.
    """
    for name in ("state", "spool", "run"):
        root.joinpath(name).mkdir(parents=True)
    for gpu in range(gpus):
        os.mknod(root / f"gpu{gpu}", 0o600 | 0o020000, os.makedev(1, 3))
    host, (control, node) = socket.gethostname().split(".")[0], _free_ports(2)
    munge = root / "run/munge.socket"
    configuration = {
        "slurm.conf": _SLURM_CONF.format(
            root=root, host=host, munge=munge, control=control, node=node, gpus=gpus, cpus=cpus, memory=memory
        ),
        "gres.conf": f"Name=gpu File={root}/gpu[0-{gpus - 1}]\n",
    }
    key = root / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    ETC.mkdir(exist_ok=True)
    for name, text in configuration.items():
        root.joinpath(name).write_text(text)
        ETC.joinpath(name).symlink_to(root / name)
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        options = [f"--key-file={key}", f"--socket={munge}", f"--pid-file={root}/run/munged.pid"]
        options += [f"--seed-file={root}/run/seed", f"--log-file={root}/munged.log", "--force", "--foreground"]
        daemons.append(_start("munged", *options))
        _wait(munge.exists, "munged", root)
        daemons.append(_start("slurmctld", "-D"))
        daemons.append(_start("slurmd", "-D"))
        _wait(lambda: slurm_output("sinfo", "-h", "-o", "%T") == "idle", "the node", root)
        yield root / "jobs.log"
    finally:
        subprocess.run(["scancel", "--full", "-u", "root"], capture_output=True)
        for process in reversed(daemons):
            process.terminate()
            process.wait(30)
        for name in configuration:
            ETC.joinpath(name).unlink()


def slurm_output(*command: str) -> str:
    """The output of a Slurm command; empty if it fails."""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def finished_jobs(log: Path) -> list[dict[str, str]]:
    """The records of finished jobs: JobId, JobState, StartTime, EndTime and so on."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]


def _start(program: str, *options: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([program, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait(ready: Callable[[], bool], what: str, root: Path) -> None:
    limit = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < limit, f"{what} did not start:\n" + "\n".join(p.read_text() for p in root.glob("*.log"))
        time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    """Unused ports below the range that the kernel uses for outgoing connections."""
    free = []
    for port in range(26817, 27817):
        with socket.socket() as candidate, suppress(OSError):
            candidate.bind(("127.0.0.1", port))
            free.append(port)
        if len(free) == count:
            break
    return free


_SLURM_CONF = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge}
SlurmctldPort={control}
SlurmdPort={node}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={root}/jobs.log
MinJobAge=300
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
