import errno
import fcntl
import os

import pytest

from booruflow.core import direct_io
from booruflow.core.errors import UserError
from booruflow.core.files import written_whole

PIECES = [bytes([n]) * (n * 37) for n in range(256)]


@pytest.mark.parametrize("more", [b"", b"x" * 5000, b"x" * (4096 * 3)])
def test_a_direct_writer_writes_everything(tmp_path, monkeypatch, more):
    monkeypatch.setattr(direct_io.DirectWriter, "BLOCK", 4096)
    with direct_io.DirectWriter(tmp_path / "x") as file:
        for piece in (*PIECES, memoryview(more)):
            file.write(piece)
    assert (tmp_path / "x").read_bytes() == b"".join(PIECES) + more


def test_without_direct_io_a_direct_writer_writes_normally(tmp_path, monkeypatch):
    refused = []

    def refusing(path, flags, mode=0o777, *, open_=os.open):
        if flags & os.O_DIRECT:
            refused.append(path)
            raise OSError(errno.EINVAL, "no direct I/O here")
        return open_(path, flags, mode)

    monkeypatch.setattr(direct_io.DirectWriter, "BLOCK", 4096)
    monkeypatch.setattr(os, "open", refusing)
    with direct_io.DirectWriter(tmp_path / "x") as file:
        for piece in PIECES:
            file.write(piece)
    assert refused == [tmp_path / "x"]
    assert (tmp_path / "x").read_bytes() == b"".join(PIECES)


@pytest.mark.parametrize("refused", [1, 3, 100])
def test_direct_io_that_is_refused_at_a_write_is_left(tmp_path, monkeypatch, refused):
    calls = []

    def refusing(file, data, *, write=os.write):
        calls.append(fcntl.fcntl(file, fcntl.F_GETFL) & direct_io.O_DIRECT)
        if len(calls) >= refused and calls[-1]:
            raise OSError(errno.EINVAL, "not aligned")
        return write(file, data)

    monkeypatch.setattr(direct_io.DirectWriter, "BLOCK", 4096)
    monkeypatch.setattr(os, "write", refusing)
    with direct_io.DirectWriter(tmp_path / "x") as file:
        for piece in PIECES:
            file.write(piece)
    assert calls[0] and not any(calls[refused:])
    assert (tmp_path / "x").read_bytes() == b"".join(PIECES)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EINVAL, "Invalid argument"),
    ],  # EINVAL also where direct I/O is off already
)
def test_a_direct_writer_reports_a_failed_write(tmp_path, monkeypatch, number, message):
    def refusing(file, data):
        raise OSError(number, "no")

    monkeypatch.setattr(direct_io.DirectWriter, "BLOCK", 4096)
    monkeypatch.setattr(os, "write", refusing)
    with (
        pytest.raises(UserError, match=rf"x: cannot be written \({message}\)"),
        written_whole(tmp_path / "x") as part,
        direct_io.DirectWriter(part) as file,
    ):
        file.write(bytes(4096))
    assert list(tmp_path.iterdir()) == []


def test_an_error_beside_a_direct_writer_leaves_the_old_file(tmp_path):
    (tmp_path / "x").write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(tmp_path / "x") as part, direct_io.DirectWriter(part) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert (tmp_path / "x").read_text() == "old" and list(tmp_path.iterdir()) == [tmp_path / "x"]
