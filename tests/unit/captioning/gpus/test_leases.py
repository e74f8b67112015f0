import errno
import fcntl
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
with lease(int(sys.argv[2])) as gpus:
    print(gpus, flush=True)
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
    monkeypatch.delenv("BOORUFLOW_LOCKS", raising=False)


def hold(seconds, count=1):
    environment = os.environ | {"PYTHONPATH": str(Path(leases.__file__).parents[3])}
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(seconds), str(count)],
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
        ("1,1,simulated-1", {"1": "simulated-1"}),
        ("9" * 5000, {}),
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
        with leases.lease(len(visible)) as gpus:
            assert gpus == ",".join(visible)


def test_a_number_and_a_uuid_are_the_same_gpu(monkeypatch):
    with leases.lease():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "simulated-0,simulated-1")
        with leases.lease() as second:
            assert second == "simulated-1"


def test_jobs_within_a_slurm_job_lease_different_gpus_of_it(monkeypatch):
    """Local jobs of a Snakemake that was started under salloc or sbatch; Slurm gave it two of three GPUs."""
    monkeypatch.setenv(leases.SIMULATED, "3")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    with leases.lease() as first:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
        with leases.lease() as second:
            assert (first, second) == ("2", "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")  # a job that the executor plugin started with one GPU
    with leases.lease() as gpu:
        assert gpu == os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_slurm_divides_the_gpus_between_its_jobs_and_may_share_one(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with leases.lease() as first:
        monkeypatch.setenv("SLURM_JOB_ID", "8")
        with leases.lease() as second:
            assert first == second == "0"


@pytest.mark.parametrize(("preset", "count"), [("0,1", 2), ("GPU-4b,GPU-5c", 2), ("MIG-1,MIG-2", 2), ("NoDevFiles", 0), ("", 0)])
def test_what_slurm_gave_counts_without_nvidia_smi(monkeypatch, preset, count):
    monkeypatch.delenv(leases.SIMULATED)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", preset)
    assert len(set(leases.visible_gpus().values())) == count


def test_several_gpus_are_leased_at_once():
    with leases.lease(2) as gpus:
        assert gpus == os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    with (
        pytest.raises(UserError, match=r"tag_model.gpus: 3 needed, and there are 2 visible GPUs: change"),
        leases.lease(3, "tag_model.gpus"),
    ):
        pass


def test_a_job_that_waits_for_several_gpus_holds_none():
    first = hold(60)
    assert first.stdout.readline() == "0\n"
    both = hold(0, count=2)
    time.sleep(0.5)
    second = hold(0)  # gets the other GPU, though a job waits for both
    assert second.communicate(timeout=10)[0] == "1\ndone\n"
    assert both.poll() is None
    first.kill()
    first.wait()
    assert both.communicate(timeout=10)[0] == "0,1\ndone\n"


@pytest.mark.parametrize("value", ["x", "", "-1", "1.5", "2 ", "\u0662", "1025", "9" * 5000])
def test_a_number_of_simulated_gpus_that_is_none_is_an_error(monkeypatch, value):
    monkeypatch.setenv(leases.SIMULATED, value)
    with pytest.raises(UserError, match=r"environment variable BOORUFLOW_GPUS: .* is not a number of GPUs"):
        leases.visible_gpus()


def planted_link(folder):
    folder.with_name("elsewhere").mkdir()
    folder.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (planted_link, "a link"),
        (lambda folder: folder.symlink_to("gone"), "a link"),
        (Path.touch, "no folder"),
        (os.mkfifo, "no"),
    ],
)
def test_what_another_user_planted_for_the_lock_folder_is_refused(tmp_path, plant, kind):
    plant(tmp_path / f"booruflow-gpus-{os.getuid()}")
    with pytest.raises(UserError, match=f"must be a folder of your own, and is {kind}.*: remove it, or set .*BOORUFLOW_LOCKS"):
        leases.lease().__enter__()
    assert not list(tmp_path.glob("*/*"))


def test_a_lock_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / "booruflow-gpus-4242").mkdir()
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(UserError, match=f"booruflow-gpus-4242: must be a folder of your own, and is one of user {owner}"):
        leases.lease().__enter__()


def test_only_the_user_can_write_to_the_lock_folder(tmp_path):
    folder = tmp_path / f"booruflow-gpus-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with leases.lease():
        assert folder.stat().st_mode & 0o777 == 0o700
        (lock,) = folder.iterdir()
        assert lock.stat().st_mode & 0o777 == 0o600


def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path):
    folder = tmp_path / f"booruflow-gpus-{os.getuid()}"
    folder.mkdir()
    (folder / "simulated-0.lock").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match=r"simulated-0.lock: cannot be written"), leases.lease():
        pass
    assert not (tmp_path / "mine").exists()


def test_without_locks_the_folder_of_locks_can_be_moved(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        if "local" not in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UserError, match=r"no lock on this file system \(Function not implemented\): mount it .*BOORUFLOW_LOCKS"):
        leases.lease().__enter__()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    monkeypatch.setenv("BOORUFLOW_LOCKS", str(tmp_path / "local/locks"))
    with leases.lease() as gpu:
        assert gpu == "0"


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
    with lease(1 + (number % 3 == 0)) as gpus:
        for gpu in gpus.split(","):
            try:
                fcntl.lockf(locks[gpu], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                (folder / f"clash-{number}").touch()
        (folder / f"held-{number}").touch()
        time.sleep(random.Random(number).random() * 0.05)
        for gpu in gpus.split(","):
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
