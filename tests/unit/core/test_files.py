import errno
import fcntl
import hashlib
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from booruflow.core.errors import UserError
from booruflow.core.files import (
    lock_path,
    open_input,
    open_whole,
    reading,
    sha256_of,
    spool_beside,
    sync_folder,
    take_lock,
    writing,
    written_whole,
)


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_file_appears_complete_and_its_folders_are_created(tmp_path):
    path = tmp_path / "a/b/x.json"
    with open_whole(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["x.json"]


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), UserError("row 3: no id"), OSError("no number")])
def test_after_any_error_only_the_old_file_is_left(tmp_path, error):
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    with pytest.raises(type(error)), written_whole(path) as part:
        part.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x.json"]


def test_a_full_disk_is_reported_with_the_file():
    with pytest.raises(UserError, match=r"^x\.json: cannot be written \(No space left on device\): free space"):  # noqa: SIM117
        with written_whole("x.json"):
            raise OSError(errno.ENOSPC, "full")


def test_a_folder_that_cannot_be_created_is_reported(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"x\.json: cannot be written \("), open_whole(tmp_path / "file/x.json"):
        pass


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_succeeds(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    program = (
        "import os, signal, sys\nfrom booruflow.core.files import open_whole\n"
        "with open_whole(sys.argv[1]) as file:\n    file.write(b'half')\n    file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program, str(path)], env=environment).returncode == -9
    assert path.read_bytes() == b"old"
    assert (tmp_path / ".x.json.part").read_bytes() == b"half"
    with open_whole(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["x.json"]


def test_a_spool_is_beside_its_product(tmp_path):
    assert spool_beside(tmp_path / "x.json") == tmp_path / ".x.json.spool"
    assert spool_beside(tmp_path / "x.json", "ids") == tmp_path / ".x.json.ids"


def test_sha256(tmp_path):
    data = os.urandom(300_000)
    (tmp_path / "x").write_bytes(data)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(data).hexdigest()


def test_an_unreadable_input_is_reported_rather_than_the_output(tmp_path):
    for name, reason in (("/proc/self/mem", "Input/output error"), (str(tmp_path / "gone"), "No such file or directory")):
        with (
            pytest.raises(UserError, match=rf"^{name}: cannot be read \({reason}\)"),
            open_whole(tmp_path / "x.json"),
            open_input(name) as file,
        ):
            file.read(1)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("context", "action"), [(reading, "read"), (writing, "written")])
def test_errors_of_the_system_name_the_path_and_others_pass(context, action):
    with (
        pytest.raises(UserError, match=rf"^some/path: cannot be {action} \(Input/output error\): .*fix the path"),
        context("some/path"),
    ):
        raise OSError(errno.EIO, "broken")
    for error in (ValueError("bug"), OSError("without a number")):
        with pytest.raises(type(error), match=str(error)), context("some/path"):
            raise error


def test_a_renamed_file_has_its_folder_synced(tmp_path, monkeypatch):
    synced = []

    def note(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", note)
    with open_whole(tmp_path / "x.json") as file:
        file.write(b"new")
    assert synced == [tmp_path / ".x.json.part", tmp_path]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_file_system_that_syncs_no_folders_is_no_error(tmp_path, monkeypatch, number):
    def refuse(descriptor):
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError) if number == errno.EIO else nullcontext():
        sync_folder(tmp_path)


def test_a_lock_has_one_holder_and_ends_with_its_descriptor(tmp_path):
    lock = take_lock(tmp_path / "new/x.lock")
    assert take_lock(tmp_path / "new/x.lock") is None
    os.close(lock)
    os.close(take_lock(tmp_path / "new/x.lock"))


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL, errno.EIO])
def test_a_file_system_without_locks_is_a_clear_error(tmp_path, monkeypatch, number):
    def flock(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(
        UserError, match=r"x.lock: no lock on this file system .*: mount it with locks .* BOORUFLOW_LOCKS to a folder"
    ):
        take_lock(tmp_path / "x.lock")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("plant", [lambda path: path.symlink_to("other"), lambda path: path.mkdir()])
def test_what_is_no_file_is_not_locked(tmp_path, plant):
    plant(tmp_path / "x.lock")
    with pytest.raises(UserError, match=r"x.lock: cannot be written"):
        take_lock(tmp_path / "x.lock")


def test_locks_can_be_in_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.delenv("BOORUFLOW_LOCKS", raising=False)
    assert lock_path(tmp_path / "x") == tmp_path / "x"
    monkeypatch.setenv("BOORUFLOW_LOCKS", str(tmp_path / "locks"))
    (tmp_path / "link").symlink_to(tmp_path)
    assert lock_path(tmp_path / "x") == lock_path(tmp_path / "link/x")
    assert lock_path(tmp_path / "x").parent == tmp_path / "locks"
    assert lock_path(tmp_path / "x") != lock_path(tmp_path / "y")
