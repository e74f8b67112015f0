import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from booruflow.captioning.gpus import leases
from booruflow.core.errors import UserError

HOLDER = """
import sys, time
from booruflow.captioning.gpus.leases import lease
with lease() as gpu:
    print(gpu, flush=True)
    time.sleep(float(sys.argv[1]))
    print("done", flush=True)
"""


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch, tmp_path):
    monkeypatch.setenv(leases.SIMULATED, "2")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


def hold(seconds):
    environment = os.environ | {"PYTHONPATH": str(Path(leases.__file__).parents[3])}
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(seconds)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_two_leases_are_two_gpus(monkeypatch):
    with leases.lease() as first:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == first == "0"
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        with leases.lease() as second:
            assert second == "1"
    with leases.lease() as again:
        assert again == "0"


@pytest.mark.parametrize(
    ("preset", "visible"),
    [
        ("1", {"1": "simulated-1"}),
        ("1,0", {"1": "simulated-1", "0": "simulated-0"}),
        (" 0 , 1", {"0": "simulated-0", "1": "simulated-1"}),
        ("simulated-1", {"simulated-1": "simulated-1"}),
        ("0,7,1", {"0": "simulated-0"}),
        ("", {}),
        ("-1", {}),
        ("MIG-7/1/0", {"MIG-7/1/0": "MIG-7/1/0"}),
    ],
)
def test_a_preset_choice_is_honoured(monkeypatch, preset, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", preset)
    assert leases.visible_gpus() == visible
    if visible:
        with leases.lease() as gpu:
            assert gpu == next(iter(visible))
        assert os.environ["CUDA_VISIBLE_DEVICES"] == preset


def test_a_number_and_a_uuid_are_the_same_gpu(monkeypatch):
    with leases.lease():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "simulated-0,simulated-1")
        with leases.lease() as second:
            assert second == "simulated-1"


def test_under_slurm_nothing_is_changed(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with leases.lease() as first, leases.lease() as second:
        assert first == second == os.environ["CUDA_VISIBLE_DEVICES"] == "3"


def test_no_gpu_is_an_error(monkeypatch):
    monkeypatch.setenv(leases.SIMULATED, "0")
    with pytest.raises(UserError, match="no visible GPU"), leases.lease():
        pass


def test_more_gpus_than_there_are_is_an_error(monkeypatch):
    leases.check_gpus(2)
    with pytest.raises(UserError, match="gpu=3: this machine has 2 visible GPUs: request gpu=2"):
        leases.check_gpus(3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with pytest.raises(UserError, match="has 1 visible GPU:"):
        leases.check_gpus(2)


def test_no_nvidia_smi_is_no_gpus(monkeypatch):
    monkeypatch.delenv(leases.SIMULATED)
    monkeypatch.setenv("PATH", "")
    assert leases.gpu_uuids() == []


def test_a_killed_holder_frees_its_gpu_and_the_next_waits_for_it():
    first, second = hold(60), hold(60)
    assert {first.stdout.readline(), second.stdout.readline()} == {"0\n", "1\n"}
    third = hold(0)
    time.sleep(0.5)
    assert third.poll() is None
    first.kill()
    third.wait(10)
    assert third.stdout.read().endswith("done\n")
    second.kill()
    second.wait()
    first.wait()


STRESS = """
import fcntl, os, random, sys, time
from pathlib import Path
from booruflow.captioning.gpus.leases import lease
folder = Path(sys.argv[1])

def job(number):
    # the test's own locks: opened before the lease, so that a kill closes them before it frees the GPU
    locks = {gpu: open(folder / gpu, "a") for gpu in "01"}
    with lease() as gpu:
        try:
            fcntl.lockf(locks[gpu], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            (folder / f"clash-{number}").touch()
        (folder / f"held-{number}").touch()
        time.sleep(random.Random(number).random() * 0.05)
        fcntl.lockf(locks[gpu], fcntl.LOCK_UN)
    os._exit(0)

running, rng = [], random.Random(4)
for number in range(200):
    if (pid := os.fork()) == 0:
        job(number)
    running.append(pid)
    if len(running) == 4:
        pid = running.pop(rng.randrange(4))
        if rng.random() < 0.5:
            time.sleep(rng.random() * 0.05)
            os.kill(pid, 9)
        os.waitpid(pid, 0)
for pid in running:
    os.waitpid(pid, 0)
"""


def test_200_random_starts_and_kills_never_give_a_gpu_two_holders(tmp_path):
    locks = tmp_path / "locks"
    locks.mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path(leases.__file__).parents[3])}
    subprocess.run([sys.executable, "-c", STRESS, locks], env=environment, check=True, timeout=120, stderr=subprocess.DEVNULL)
    assert not list(locks.glob("clash-*"))
    assert len(list(locks.glob("held-*"))) > 100
