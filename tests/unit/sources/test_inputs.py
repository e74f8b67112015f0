import os
import subprocess
import sys
from pathlib import Path

import pytest

from booruflow.core.errors import UserError
from booruflow.sources.inputs import check_inputs, is_csv, is_json, list_edited, listing_digest


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"columns": {"id": "id", "general": "tags", "meta": "tags"}}, "inputs.columns: general and meta are both 'tags'"),
        ({"metadata": ["a.parquet", "b.csv.gz"]}, "inputs.metadata: parquet and CSV files together"),
        (
            {"captions": [{"files": ["a.parquet", "b.json"], "columns": ["x"]}]},
            "captions.0.files: parquet and JSON files in one source",
        ),
        ({"captions": [{"files": ["a.parquet"], "columns": ["x", "x"]}]}, "captions.0.columns: a column is listed twice"),
        ({"metadata": ["nowhere.parquet"]}, "inputs.metadata: nowhere.parquet: no such file"),
        ({"resolutions": "nowhere.json"}, "inputs.resolutions: nowhere.json: no such file"),
    ],
)
def test_wrong_inputs_are_refused(changed, message):
    valid = {"columns": {"id": "id"}, "metadata": [], "captions": [], "resolutions": ""}
    check_inputs(valid)
    with pytest.raises(UserError, match=f"config.yaml: .*{message}") as caught:
        check_inputs(valid | changed)
    assert "\n" not in str(caught.value)


def test_kinds_of_files():
    assert [is_csv(path) for path in ("a.csv", "b.csv.gz", "c.parquet", "d.csv.parquet")] == [True, True, False, False]
    assert [is_json(path) for path in ("a.parquet", "b.pq", "c.json", "d")] == [False, False, True, True]


def test_the_listing_digest_covers_names_and_the_sizes_of_tars_and_indexes(tmp_path):
    digests = [listing_digest(""), listing_digest(tmp_path)]
    assert digests[0] == digests[1] == listing_digest(tmp_path / "none")
    for name, content in (("1.png", "a"), ("0.tar", "a"), ("0.tar", "ab"), ("0.json", "a"), ("0.json", "ab"), ("2.png", "")):
        (tmp_path / name).write_text(content)
        digests.append(listing_digest(tmp_path))
    assert len(set(digests[1:])) == 7
    (tmp_path / "1.png").write_text("another image")
    assert listing_digest(str(tmp_path)) == digests[-1]


def test_the_listing_digest_survives_links_to_nothing_and_odd_folders(tmp_path):
    for name in ("0001.json", "0001.tar", "2.png"):
        (tmp_path / name).symlink_to("gone")
    os.mkfifo(tmp_path / "0002.json")
    (tmp_path / "0003.json").mkdir()
    (tmp_path / "0004.json").symlink_to("0004.json")
    with_links = listing_digest(tmp_path)
    assert with_links == listing_digest(tmp_path) != listing_digest("")
    (tmp_path / "gone").write_text("now there")
    assert listing_digest(tmp_path) != with_links
    assert listing_digest(tmp_path / "gone") == listing_digest("")


def test_edited_files_have_any_name_that_ends_in_json(tmp_path):
    assert list_edited("") == list_edited(tmp_path / "none") == ([], [])
    names = ["2026-12.json", "EDITED.JSON", "edited_0.json", "mes légendes.json", "of shard 7.json"]
    others = ["edited_1.json.txt", "old", "x.jsonl"]
    for name in [*names, ".#edited_0.json", "._edited_0.json", "edited_0.json~", ".edited_0.json.swp", *others]:
        (tmp_path / name).mkdir() if name == "old" else (tmp_path / name).touch()
    (tmp_path / "old/edited_3.json").touch()
    (tmp_path / ".#edited_1.json").symlink_to("user@host.1234:5678")
    (tmp_path / "linked.json").symlink_to("old/edited_3.json")
    assert list_edited(tmp_path) == ([str(tmp_path / name) for name in sorted([*names, "linked.json"])], others)


def test_an_edited_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "a.json"
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("gone"), lambda path: path.symlink_to("/dev/null")):
        make(path)
        with pytest.raises(UserError, match=rf"^{path}: not a readable file, or a link to none: restore"):
            list_edited(tmp_path)
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "{n}.json").touch()
    with pytest.raises(UserError, match=r"\{n\}\.json: a file name with braces: rename"):
        list_edited(tmp_path)
    for folder in (tmp_path / "{n}.json", tmp_path / "link"):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to("gone")
        with pytest.raises(UserError, match="cannot be read"):
            list_edited(folder)


def test_importing_the_module_imports_no_data_frames():
    program = "import sys, booruflow.sources.inputs; print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    modules = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout.split()
    assert not {b"polars", b"pyarrow", b"numpy"} & set(modules)
