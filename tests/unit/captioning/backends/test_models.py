import shutil

import pytest

from booruflow.captioning.backends import models
from booruflow.core.errors import UserError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "sub/weights.bin").write_bytes(bytes(range(256)) * 40)
    return folder


def test_the_fingerprint_is_of_names_and_contents_not_of_the_place(folder, tmp_path):
    first = models.identify(str(folder), None)
    assert first.startswith("folder:")
    shutil.copytree(folder, tmp_path / "elsewhere")
    (tmp_path / "elsewhere/.cache").mkdir()
    (tmp_path / "elsewhere/.cache/lock").touch()
    (tmp_path / "elsewhere/__pycache__").mkdir()
    (tmp_path / "elsewhere/__pycache__/x.pyc").touch()
    assert models.identify(str(tmp_path / "elsewhere"), None) == first
    (folder / "config.json").rename(folder / "other.json")
    assert models.identify(str(folder), None) != first


@pytest.mark.parametrize("place", [0, 5000, 10239])
def test_every_byte_of_a_small_file_counts(folder, place):
    first = models.fingerprint(folder)
    weights = folder / "sub/weights.bin"
    data = bytearray(weights.read_bytes())
    data[place] ^= 1
    weights.write_bytes(data)
    assert models.fingerprint(folder) != first


@pytest.mark.parametrize(("place", "seen"), [(0, True), (5000, False), (10239, True)])
def test_of_a_large_file_both_ends_and_the_size_count(folder, monkeypatch, place, seen):
    monkeypatch.setattr(models, "WHOLE", 1000)
    monkeypatch.setattr(models, "END", 1000)
    first = models.fingerprint(folder)
    weights = folder / "sub/weights.bin"
    data = bytearray(weights.read_bytes())
    data[place] ^= 1
    weights.write_bytes(data)
    assert (models.fingerprint(folder) != first) == seen
    weights.write_bytes(data[:5000] + data)
    assert models.fingerprint(folder) != first


def test_a_hub_model_needs_its_commit():
    assert models.identify("Minthy/ToriiGate-v0.4-7B", COMMIT) == f"Minthy/ToriiGate-v0.4-7B@{COMMIT}"
    with pytest.raises(UserError, match=r"there is no folder Minthy/.* and captioner\.revision, a commit"):
        models.identify("Minthy/ToriiGate-v0.4-7B", None)
    with pytest.raises(UserError, match="'main' can move"):
        models.identify("Minthy/ToriiGate-v0.4-7B", "main")


@pytest.mark.parametrize("model", ["/no/such/folder", "nowhere"])
def test_a_missing_folder_is_a_clear_error(model):
    with pytest.raises(UserError, match=f"there is no folder {model}: mend the path"):
        models.identify(model, COMMIT)


def test_an_empty_folder_is_a_clear_error(tmp_path):
    with pytest.raises(UserError, match="is empty"):
        models.identify(str(tmp_path), None)
