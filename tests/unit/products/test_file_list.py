import os

import pytest

from booruflow.core.files import sha256_of
from booruflow.products.built import changes, read_records, record_outputs
from booruflow.products.file_list import LINK, Listed, first_changed, is_file_list, read_file_list, remove_listed


@pytest.fixture
def listed(tmp_path):
    """A list of two files and a link."""
    (tmp_path / "data").mkdir()
    lines = []
    for name in ("data/1.png", "data/1.txt"):
        (tmp_path / name).write_text(name)
        lines.append(Listed(len(name), sha256_of(tmp_path / name), name))
    (tmp_path / "data/2.png").symlink_to("/somewhere/2.png")
    lines.append(Listed(0, f"{LINK}/somewhere/2.png", "data/2.png"))
    path = tmp_path / "files.tsv"
    path.write_bytes(b"".join(line.line() for line in lines))
    assert list(read_file_list(path)) == lines
    return path


def replace_a_byte(path):
    path.write_bytes(b"x" + path.read_bytes()[1:])


def other_link(path):
    path.unlink()
    path.symlink_to("/elsewhere")


@pytest.mark.parametrize(
    ("name", "change", "problem", "seen_by_size"),
    [
        ("data/1.png", lambda path: path.unlink(), "which is missing", True),
        ("data/1.txt", lambda path: os.truncate(path, 3), "which has changed", True),
        ("data/1.txt", replace_a_byte, "which has changed", False),
        ("data/2.png", lambda path: path.unlink(), "which is missing", True),
        ("data/2.png", other_link, "which has changed", True),
    ],
)
def test_a_file_of_an_export_that_has_changed_is_named(listed, name, change, problem, seen_by_size):
    assert first_changed(str(listed), content=True) is None
    change(listed.parent / name)
    assert first_changed(str(listed), content=True) == f"{name}, {problem}"
    assert first_changed(str(listed), content=False) == (f"{name}, {problem}" if seen_by_size else None)


def test_a_start_of_the_workflow_sees_that_a_listed_file_is_gone(listed, tmp_path):
    records = tmp_path / "products.tsv"
    record_outputs(records, [str(listed)])
    assert changes([str(listed)], read_records(records), "manifest.json") == ({}, {})
    (listed.parent / "data/1.png").unlink()
    assert changes([str(listed)], read_records(records), "manifest.json")[0] == {
        str(listed): "lists data/1.png, which is missing"
    }


def test_listed_files_are_removed_and_others_stay(listed):
    (listed.parent / "data/mine.txt").write_text("")
    remove_listed(listed)
    assert sorted(path.name for path in listed.parent.rglob("*")) == ["data", "files.tsv", "mine.txt"]
    (listed.parent / "data/mine.txt").unlink()
    remove_listed(listed)
    assert [path.name for path in listed.parent.iterdir()] == ["files.tsv"]


def test_names_of_lists():
    assert is_file_list("results/exports/a/files.tsv") and not is_file_list("results/prevalence.tsv")
