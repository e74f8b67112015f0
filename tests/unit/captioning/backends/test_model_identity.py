import shutil

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


@pytest.mark.parametrize(("place", "counts"), [(0, True), (5000, False), (10239, True)])
def test_of_a_large_file_both_ends_and_the_size_count(folder, monkeypatch, place, counts):
    monkeypatch.setattr(module, "WHOLE_FILE_BYTES", 1000)
    monkeypatch.setattr(module, "END_BYTES", 1000)
    first = folder_digest(folder)
    weights = folder / "sub/weights.bin"
    data = bytearray(weights.read_bytes())
    data[place] ^= 1
    weights.write_bytes(data)
    assert (folder_digest(folder) != first) == counts
    weights.write_bytes(data[:5000] + data)
    assert folder_digest(folder) != first


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
