import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from booruflow.core.errors import UserError
from booruflow.sources.inputs import (
    image_folders,
    input_errors,
    is_csv,
    is_json,
    list_edited,
    refuse_other_inputs,
    trainer_folder,
    trainer_folders,
)

UNSELECTIVE = {"subsets": {"cats": {"all": ["cat"], "ratings": []}}, "tokens": {"score_edges": []}}
"""Sections of the config that select no posts by rating or score."""
NO_FILES = {"metadata": [], "captions": [], "resolutions": "", "images": "", "image_name": "{id}"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"columns": {"id": "id", "general": "tags", "meta": "tags"}}, "inputs.columns: general and meta are both 'tags'"),
        (
            {"captions": [{"files": ["a.parquet", "b.json"], "columns": ["x"]}]},
            "captions.0.files: parquet and JSON files in one source",
        ),
        ({"captions": [{"files": ["a.parquet"], "columns": ["x", "x"]}]}, "captions.0.columns: a column is listed twice"),
        ({"metadata": ["nowhere.parquet"]}, "inputs.metadata: nowhere.parquet: no such file"),
        ({"image_name": "{md5}"}, "inputs.image_name: '{md5}': use {id} once"),
        ({"image_name": "{id}_{md5}"}, "inputs.image_name: '{id}_{md5}': without inputs.images the names are not known"),
        ({"images": "."}, "inputs.images: .: contains the results"),
        ({"images": ["tests", ".."]}, "inputs.images: ..: contains the results"),
        ({"resolutions": "nowhere.json"}, "inputs.resolutions: nowhere.json: no such file"),
    ],
)
def test_wrong_inputs_are_refused(changed, message):
    valid = {"columns": {"id": "id", "meta": None, "artist": None}, **NO_FILES}
    assert list(input_errors(UNSELECTIVE | {"inputs": valid})) == []
    lines = list(input_errors(UNSELECTIVE | {"inputs": valid | changed}))
    # the files of some examples do not exist, which is named too
    assert (
        [line for line in lines if "no such file" not in line or "no such file" in message]
        == [line for line in lines if message in line]
        != []
    )
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize(
    ("column", "selection", "key"),
    [
        ("rating", {"subsets": {"safe": {"ratings": ["g"]}}}, r"subsets\.safe\.ratings"),
        ("score", {"subsets": {"a": {}, "best": {"min_score": 0}}}, r"subsets\.best\.min_score"),
        ("score", {"tokens": {"score_edges": [0, 10]}}, r"tokens\.score_edges"),
    ],
)
def test_posts_are_not_selected_by_a_column_that_does_not_exist(column, selection, key):
    inputs = {"columns": {}, **NO_FILES}
    for name in ("x", None):
        errors = list(input_errors(UNSELECTIVE | selection | {"inputs": inputs | {"columns": {column: name}}}))
        if name:
            assert errors == []
        else:
            (line,) = errors
            assert re.search(rf"{key}: inputs\.columns\.{column} is null, no post has a {column}", line)


def test_a_seed_of_nothing_is_refused():
    subsets = {
        "a": {"seed": 1},
        "b": {"seed": 0, "at_most": {}},
        "c": {"seed": 1, "sample": 9},
        "d": {"seed": 1, "at_most": {"artist": 2}},
    }
    config = UNSELECTIVE | {"inputs": {"columns": {"id": "id"}, **NO_FILES}, "subsets": subsets}
    remedy = "nothing is drawn without sample or at_most: add one of them, or remove the key"
    assert list(input_errors(config)) == [f"subsets.{name}.seed: {remedy}" for name in "ab"]


def test_what_can_be_no_tag_is_refused(tmp_path):
    subsets = {
        "a": {"none": ["long hair", "solo"]},
        "b": {"at_most": {"hat\t": 1}},
        "c": {"all": [""]},
        "d": {"ids": str(tmp_path)},
    }
    config = UNSELECTIVE | {"inputs": {"columns": {"id": "id"}, **NO_FILES}, "subsets": subsets}
    remedy = "is no tag: write tags as the booru does, such as red_hair"
    assert list(input_errors(config)) == [
        f"subsets.a.none: 'long hair' {remedy}",
        f"subsets.b.at_most: 'hat\\t' {remedy}",
        f"subsets.c.all: '' {remedy}",
        f"subsets.d.ids: {tmp_path}: a folder, not a file: correct the path",
    ]


def test_a_range_that_no_post_is_in_is_refused():
    subsets = {
        "days": {"from_date": "2020-01-02", "before_date": "2020-01-02"},
        "ratios": {"min_aspect": 2, "max_aspect": 1.5},
        "tags": {"min_tags": 3, "max_tags": 0},
        "one_tag": {"min_tags": 1, "max_tags": 1, "min_aspect": 1, "max_aspect": 1.0},
        "a_day": {"from_date": "2020-01-02", "before_date": "2020-01-03"},
    }
    config = UNSELECTIVE | {"inputs": {"columns": {"id": "id"}, **NO_FILES}, "subsets": subsets}
    assert list(input_errors(config)) == [
        "subsets.days: no post has from_date 2020-01-02 and before_date 2020-01-02: correct one of them",
        "subsets.ratios: no post has min_aspect 2 and max_aspect 1.5: correct one of them",
        "subsets.tags: no post has min_tags 3 and max_tags 0: correct one of them",
    ]


def test_kinds_of_files():
    assert [is_csv(path) for path in ("a.csv", "b.CSV.gz", "c.parquet", "d.csv.parquet")] == [True, True, False, False]
    assert [is_json(path) for path in ("a.parquet", "b.PQ", "c.json", "d")] == [False, False, True, True]


def test_one_image_folder_or_several_or_none():
    assert [image_folders(value) for value in ("", "a", [], ["a", "b"])] == [[], ["a"], [], ["a", "b"]]


@pytest.mark.parametrize(
    ("folder", "prefix"),
    [
        ("/data/pics", "/data/pics/"),
        ("/data/pics/", "/data/pics/"),
        ("/", "/"),
        ("pics", f"{Path.cwd()}/pics/"),
        ("", f"{Path.cwd()}/"),
        ("D:\\data\\pics", "D:\\data\\pics\\"),
        ("D:\\", "D:\\"),
        ("D:/data/pics/", "D:/data/pics/"),
        ("\\\\server\\share\\pics", "\\\\server\\share\\pics\\"),
        ("//server/share/pics", "//server/share/pics/"),
        ("D:data", f"{Path.cwd()}/D:data/"),
    ],
)
def test_where_the_trainer_finds_images(folder, prefix):
    assert trainer_folder(folder) == prefix


@pytest.mark.parametrize("text", ["", "{", "7", '{"a": 1}', "[1]", "[" * 100_000])
def test_a_damaged_record_of_the_inputs_is_one_line(tmp_path, text):
    (tmp_path / "inputs.json").write_text(text)
    with pytest.raises(UserError, match=r"inputs\.json: damaged: delete it$"):
        refuse_other_inputs({}, tmp_path / "inputs.json")


def test_only_folders_that_are_used_depend_on_where_the_data_set_is():
    assert trainer_folders("", ["/a", "b"]) == {"/a": "/a/", "b": f"{Path.cwd()}/b/"}
    assert trainer_folders("", []) == {"": f"{Path.cwd()}/"}
    assert trainer_folders("D:\\pics", ["/a", "b"]) == {"/a": "D:\\pics\\", "b": "D:\\pics\\"}


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
    program = "import sys, booruflow.sources.inputs, booruflow.sources.images.finding; print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    modules = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout.split()
    assert not {b"polars", b"pyarrow", b"numpy"} & set(modules)
