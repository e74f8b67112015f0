import errno
import hashlib
import os
import subprocess
import sys

import pytest

from booruflow.core import files
from booruflow.core.errors import UserError
from booruflow.core.files import open_input, open_whole, sha256_of, spool_beside, written_whole


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_file_appears_whole_with_its_folders(tmp_path):
    path = tmp_path / "a/b/x.json"
    with open_whole(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["x.json"]


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), UserError("row 3: no id"), OSError("no number")])
def test_after_any_error_the_old_file_stays_alone(tmp_path, error):
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    with pytest.raises(type(error)), written_whole(path) as part:
        part.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x.json"]


def test_a_full_disk_is_named():
    with pytest.raises(UserError, match=r"^x\.json: cannot be written \(No space left on device\): free space"):  # noqa: SIM117
        with written_whole("x.json"):
            raise OSError(errno.ENOSPC, "full")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
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


def test_a_spool_lies_on_the_same_disk(tmp_path):
    assert spool_beside(tmp_path / "x.json") == tmp_path / ".x.json.spool"
    assert spool_beside(tmp_path / "x.json", "ids") == tmp_path / ".x.json.ids"


def test_sha256(tmp_path):
    data = os.urandom(300_000)
    (tmp_path / "x").write_bytes(data)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(data).hexdigest()


def test_an_input_that_cannot_be_read_is_named_rather_than_the_output(tmp_path):
    for name, reason in (("/proc/self/mem", "Input/output error"), (str(tmp_path / "gone"), "No such file or directory")):
        with (
            pytest.raises(UserError, match=rf"^{name}: cannot be read \({reason}\)"),
            open_whole(tmp_path / "x.json"),
            open_input(name) as file,
        ):
            file.read(1)
    assert names(tmp_path) == []


PIECES = [bytes([n]) * (n * 37) for n in range(256)]


def test_a_sent_file_holds_all_that_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(files.SentFile, "STRETCH", 5000)
    with open_whole(tmp_path / "x") as file:
        sent = files.SentFile(file)
        for piece in PIECES:
            sent.write(piece)
        sent.write(memoryview(b"end"))
    assert (tmp_path / "x").read_bytes() == b"".join(PIECES) + b"end"


@pytest.mark.parametrize("more", [b"", b"x" * 5000, b"x" * (4096 * 3)])
def test_a_passing_file_holds_all_that_was_written(tmp_path, monkeypatch, more):
    monkeypatch.setattr(files.PassingFile, "BLOCK", 4096)
    with files.PassingFile(tmp_path / "x") as file:
        for piece in (*PIECES, memoryview(more)):
            file.write(piece)
    assert (tmp_path / "x").read_bytes() == b"".join(PIECES) + more


def test_a_passing_file_is_written_where_the_disk_refuses_direct_writing(tmp_path, monkeypatch):
    refused = []

    def refusing(path, flags, mode=0o777, *, open_=os.open):
        if flags & os.O_DIRECT:
            refused.append(path)
            raise OSError(errno.EINVAL, "no direct writing here")
        return open_(path, flags, mode)

    monkeypatch.setattr(files.PassingFile, "BLOCK", 4096)
    monkeypatch.setattr(os, "open", refusing)
    with files.PassingFile(tmp_path / "x") as file:
        for piece in PIECES:
            file.write(piece)
    assert refused == [tmp_path / "x"]
    assert (tmp_path / "x").read_bytes() == b"".join(PIECES)


def test_a_passing_file_tells_of_a_write_that_failed(tmp_path, monkeypatch):
    def full(file, data):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(files.PassingFile, "BLOCK", 4096)
    monkeypatch.setattr(os, "write", full)
    with (
        pytest.raises(UserError, match=r"x: cannot be written \(No space left on device\)"),
        written_whole(tmp_path / "x") as part,
        files.PassingFile(part) as file,
    ):
        file.write(bytes(4096))
    assert names(tmp_path) == []


def test_a_passing_file_that_fails_leaves_the_old_one(tmp_path):
    (tmp_path / "x").write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(tmp_path / "x") as part, files.PassingFile(part) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert (tmp_path / "x").read_text() == "old" and list(tmp_path.iterdir()) == [tmp_path / "x"]
