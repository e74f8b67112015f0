import os
import shutil
import time

import pytest

from booruflow.captioning.backends import model_identity as module
from booruflow.captioning.backends.model_identity import folder_digest, model_identity
from booruflow.core.errors import UserError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "sub/weights.bin").write_bytes(bytes(range(256)) * 40)
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of the kept digests, where files from 1,000 bytes on count as large."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "KEPT_BYTES", 1000)
    monkeypatch.setattr(module, "SETTLED_SECONDS", 0.0)
    return tmp_path / "cache/booruflow/model-files"


def change_in_the_middle(path):
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)


def test_the_digest_depends_on_names_and_contents_not_on_the_folders_path(folder, tmp_path):
    first = model_identity(str(folder), None)
    assert first.startswith("folder:")
    shutil.copytree(folder, tmp_path / "elsewhere")
    (tmp_path / "elsewhere/.cache").mkdir()
    (tmp_path / "elsewhere/.cache/lock").touch()
    (tmp_path / "elsewhere/__pycache__").mkdir()
    (tmp_path / "elsewhere/__pycache__/x.pyc").touch()
    assert model_identity(str(tmp_path / "elsewhere"), None) == first
    (folder / "config.json").rename(folder / "other.json")
    assert model_identity(str(folder), None) != first


@pytest.mark.parametrize("place", [0, 5000, 10239])
def test_every_byte_of_a_small_file_counts(folder, place):
    first = folder_digest(folder)
    weights = folder / "sub/weights.bin"
    data = bytearray(weights.read_bytes())
    data[place] ^= 1
    weights.write_bytes(data)
    assert folder_digest(folder) != first


@pytest.mark.parametrize("place", [0, 5000, 10239])
def test_every_byte_of_a_large_file_counts(folder, cache, place):
    """Two merges of one base: the same size, the same first and last layers."""
    first = folder_digest(folder)
    weights = folder / "sub/weights.bin"
    data = bytearray(weights.read_bytes())
    data[place] ^= 1
    weights.write_bytes(data)
    assert folder_digest(folder) != first


def test_a_digest_does_not_depend_on_whether_it_was_kept(folder, cache, monkeypatch):
    first = folder_digest(folder)
    assert len(list(cache.iterdir())) == 1
    assert folder_digest(folder) == first
    monkeypatch.setattr(module, "KEPT_BYTES", 1 << 30)
    assert folder_digest(folder) == first


def test_a_large_file_that_stayed_as_it_is_is_not_read_again(folder, cache, monkeypatch):
    first = folder_digest(folder)

    def read(path, size):
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(module, "_read_digest", read)
    assert folder_digest(folder) == first
    for kept in cache.iterdir():
        kept.write_text("damaged")
    with pytest.raises(AssertionError, match=r"weights.bin is read again"):
        folder_digest(folder)


def replaced(weights):
    other = weights.with_name("other")
    shutil.copy2(weights, other)
    change_in_the_middle(other)
    other.replace(weights)


@pytest.mark.parametrize("change", [change_in_the_middle, replaced])
def test_a_changed_file_of_the_same_size_and_time_is_read_again(folder, cache, change):
    weights = folder / "sub/weights.bin"
    status, first = weights.stat(), folder_digest(folder)
    change(weights)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert folder_digest(folder) != first


def test_the_digest_of_a_file_that_has_just_changed_is_not_kept(folder, cache, monkeypatch):
    monkeypatch.setattr(module, "SETTLED_SECONDS", 2.0)
    folder_digest(folder)
    assert not cache.exists()
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 3)
    folder_digest(folder)
    assert len(list(cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_costs_time_only(folder, cache, capsys):
    cache.parent.mkdir(parents=True)
    cache.touch()
    first = folder_digest(folder)
    assert capsys.readouterr().err.count("\n") == 1
    assert folder_digest(folder) == first


def test_reading_a_large_file_shows_its_progress(folder, cache, monkeypatch, capsys):
    monkeypatch.setattr(module, "SHOWN_BYTES", 1000)
    monkeypatch.setattr("booruflow.core.progress.SHOWN_AFTER", 0)
    folder_digest(folder)
    assert "reading weights.bin: 100%" in capsys.readouterr().err
    folder_digest(folder)
    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_read_is_a_clear_error(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "sha256_of", refuse)
    with pytest.raises(UserError, match=r"config.json: cannot be read \(Permission denied\)"):
        folder_digest(folder)


def test_a_hub_model_needs_its_commit():
    assert model_identity("Minthy/ToriiGate-v0.4-7B", COMMIT) == f"Minthy/ToriiGate-v0.4-7B@{COMMIT}"
    with pytest.raises(UserError, match=r"there is no folder Minthy/.* and captioner\.revision, a commit"):
        model_identity("Minthy/ToriiGate-v0.4-7B", None)
    with pytest.raises(UserError, match="'main' can change"):
        model_identity("Minthy/ToriiGate-v0.4-7B", "main")


@pytest.mark.parametrize("model", ["/no/such/folder", "nowhere"])
def test_a_missing_folder_is_a_clear_error(model):
    with pytest.raises(UserError, match=f"there is no folder {model}: correct the path"):
        model_identity(model, COMMIT)


def test_an_empty_folder_is_a_clear_error(tmp_path):
    with pytest.raises(UserError, match="is empty"):
        model_identity(str(tmp_path), None)
