import gzip
import json
import os
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml

from booruflow.cli import init, recognition
from booruflow.cli.init import init_folder
from booruflow.core.errors import UserError

TAGS = {"tag_string_general": ["1girl", ""], "tag_string_artist": ["", "b"]}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of made-up inputs, outside the data set."""
    folder = tmp_path / "données 字"
    (folder / "pics").mkdir(parents=True)
    return folder


def inputs_of(folder: Path) -> dict[str, object]:
    inputs: dict[str, object] = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))["inputs"]
    return inputs


def test_the_files_are_found_out_by_their_columns(tmp_path, files):
    pl.DataFrame({"post_id": [1, 2], "rating": ["g", "e"], "width": [8, 9], "height": [8, 9], **TAGS}).write_parquet(
        files / "posts.parquet"
    )
    pl.DataFrame({"id": [1], "md5": ["x"], "florence": ["a cat"], "pixtral": ["a dog"]}).write_parquet(files / "old.parquet")
    (files / "meta_cap.json").write_text('{"1": {"caption": "a"}}')
    (files / "meta_lat.json").write_text(json.dumps({"/a/1.png": {"tags": "x", "train_resolution": [64, 64]}}))
    names = ("old.parquet", "pics", "meta_lat.json", "meta_cap.json", "posts.parquet")
    lines = list(init_folder(tmp_path / "set", [files / name for name in names]))
    inputs = inputs_of(tmp_path / "set")
    assert inputs["metadata"] == [str(files / "posts.parquet")]
    assert inputs["columns"]["id"] == "post_id" and inputs["columns"]["image_width"] == "width"
    assert inputs["captions"] == [
        {"files": [str(files / "old.parquet")], "id": "id", "columns": ["florence", "pixtral"]},
        {"files": [str(files / "meta_cap.json")], "id": "id", "columns": ["caption"]},
    ]
    assert inputs["images"] == str(files / "pics") and inputs["resolutions"] == str(files / "meta_lat.json")
    assert any("without a column for" in line and "score" in line and "meta" in line for line in lines)
    assert (tmp_path / "set/workflow/Snakefile").exists() and (tmp_path / "set/edited").is_dir()


def test_files_inside_the_folder_are_named_relative_to_it(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    with gzip.open(folder / "posts.csv.gz", "wt") as file:
        file.write('id,rating,score,tag_string\n1,g,2,"a b"\n')
    list(init_folder(folder, [folder / "posts.csv.gz"]))
    inputs = inputs_of(folder)
    assert inputs["metadata"] == ["posts.csv.gz"] and inputs["columns"]["general"] == "tag_string"


def test_rows_are_counted_in_parquet_alone(tmp_path, files):
    (files / "more.csv").write_text('id,rating,score,tag_string_general\n3,g,2,"a b"\n')
    table = pl.DataFrame({"id": [1, 2], "rating": ["g", "e"], "score": [1, 2], "tag_string_general": ["a", "b"]})
    table.write_parquet(files / "posts.parquet")
    lines = list(init_folder(tmp_path / "one", [files / "posts.parquet"]))
    assert any("posts.parquet, 2 rows; " in line for line in lines)
    lines = list(init_folder(tmp_path / "two", [files / "posts.parquet", files / "more.csv"]))
    assert any("more.csv, 2 rows in the parquet files; " in line for line in lines)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_csv_file_with_any_line_end_and_a_byte_order_mark(tmp_path, files, end):
    (files / "posts.csv").write_bytes("\ufeff".encode() + f'"id",rating,"tags"{end}1,g,"a b"{end}'.encode())
    list(init_folder(tmp_path / "set", [files / "posts.csv"]))
    assert inputs_of(tmp_path / "set")["columns"]["general"] == "tags"


def test_a_csv_file_without_a_readable_header_is_one_line(tmp_path, files):
    (files / "posts.csv").write_bytes(b'id,"\xff')
    with pytest.raises(UserError, match=r"posts\.csv: "):
        list(init_folder(tmp_path / "set", [files / "posts.csv"]))
    assert not (tmp_path / "set").exists()


def test_json_lines_and_pipes_are_refused_in_one_line(tmp_path, files):
    (files / "lat.jsonl").write_text('{"image_path": "/a/1.webp", "caption": "x"}\n{"image_path": "/a/2.webp", "caption": "y"}\n')
    os.mkfifo(files / "posts.csv")
    for name, message in (("lat.jsonl", "JSON Lines, one object a line"), ("posts.csv", "neither a file nor a folder")):
        with pytest.raises(UserError, match=message):
            init_folder(tmp_path / "set", [files / name])
    assert not (tmp_path / "set").exists()


def test_a_file_of_another_kind_is_no_broken_parquet(tmp_path, files):
    (files / "tags.txt").write_text("1girl")
    pl.DataFrame({"id": [1], "tags": ["a"]}).write_parquet(files / "cut.parquet")
    (files / "cut.parquet").write_bytes((files / "cut.parquet").read_bytes()[:-9])
    for name, message in (
        ("tags.txt", r"tags\.txt: neither parquet nor"),
        ("cut.parquet", r"cut\.parquet: not a complete parquet"),
    ):
        with pytest.raises(UserError, match=message):
            init_folder(tmp_path / "set", [files / name])
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", r"nor text columns \(it has none at all\): leave this file out"),
        ("binary.csv", bytes(range(32)), r"nor text columns \(\\x00\\x01.*\): leave this file out"),
        ("list.json", b'[{"id": 1, "caption": "a"}]', "begins with .*, not with an object"),
    ],
)
def test_a_file_without_columns_or_ids_is_refused_in_one_printable_line(tmp_path, files, name, content, message):
    (files / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        init_folder(tmp_path / "set", [files / name])
    assert str(caught.value).isprintable()
    assert not (tmp_path / "set").exists()


def test_columns_that_are_not_found_are_null(tmp_path, files):
    pl.DataFrame({"id": [1], "tags": ["a"]}).write_parquet(files / "posts.parquet")
    list(init_folder(tmp_path / "set", [files / "posts.parquet", files, files / "pics"]))
    inputs = inputs_of(tmp_path / "set")
    absent = {name for name, column in inputs["columns"].items() if column is None}
    assert absent == {"rating", "score", "artist", "character", "copyright", "meta"}
    assert inputs["images"] == [str(files), str(files / "pics")]


def test_files_of_one_form_are_one_source(tmp_path, files):
    for name in ("a", "b"):
        pl.DataFrame({"id": [1], "text": ["t"]}).write_parquet(files / f"{name}.parquet")
    list(init_folder(tmp_path / "set", [files / "a.parquet", files / "b.parquet"]))
    assert [len(source["files"]) for source in inputs_of(tmp_path / "set")["captions"]] == [2]


def test_a_file_that_is_named_twice_counts_once(tmp_path, files):
    pl.DataFrame({"id": [1], "tags": ["a"]}).write_parquet(files / "posts.parquet")
    list(init_folder(tmp_path / "set", [files / "posts.parquet", files / "pics", files / "posts.parquet", files / "pics"]))
    assert inputs_of(tmp_path / "set")["metadata"] == [str(files / "posts.parquet")]
    assert inputs_of(tmp_path / "set")["images"] == str(files / "pics")


def test_the_folder_stands_in_the_next_command_as_a_shell_reads_it(tmp_path):
    assert f"  cd '{tmp_path}/my set'" in list(init_folder(tmp_path / "my set", []))


def test_a_whole_booru_has_higher_thresholds_for_tokens(tmp_path, files):
    few = pl.DataFrame({"id": [1], "rating": ["g"], "tags": ["a"]})
    few.write_parquet(files / "few.parquet")
    many = pl.DataFrame({"id": pl.arange(0, 1_000_000, eager=True)}).with_columns(rating=pl.lit("g"), tags=pl.lit("a"))
    many.write_parquet(files / "many.parquet")
    for name, count in (("few", 3), ("many", 128)):
        list(init_folder(tmp_path / name, [files / f"{name}.parquet"]))
        config = yaml.safe_load((tmp_path / name / "config.yaml").read_text("utf-8"))
        assert config["tokens"]["min_count"]["general"] == count


def test_without_files_the_metadata_is_still_to_be_named(tmp_path):
    lines = list(init_folder(tmp_path / "set", []))
    assert inputs_of(tmp_path / "set")["metadata"] == ["metadata.parquet"]
    assert lines[0] == f"{tmp_path}/set/config.yaml written"
    assert lines[1] == "  no metadata: name its files in inputs.metadata and its columns in inputs.columns"


def test_the_columns_of_captions_are_named_with_that_of_the_ids(tmp_path, files):
    pl.DataFrame({"post_id": [1], "long": ["a"], "short": ["b"]}).write_parquet(files / "captions.parquet")
    lines = list(init_folder(tmp_path / "set", [files / "captions.parquet"]))
    assert f"  captions: {files / 'captions.parquet'}; id = post_id, text = long + short" in lines


def test_two_files_of_resolutions_or_metadata_with_other_columns_are_refused(tmp_path, files):
    for name in ("a.json", "b.json"):
        (files / name).write_text('{"1": {"image_size": [8, 8]}}')
    with pytest.raises(UserError, match="only one file is possible"):
        init_folder(tmp_path / "set", [files / "a.json", files / "b.json"])
    pl.DataFrame({"id": [1], "rating": ["g"], "tags": ["a"]}).write_parquet(files / "a.parquet")
    pl.DataFrame({"id": [1], "rating": ["g"], "tag_string": ["a"]}).write_parquet(files / "b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet: its columns have other names than those of .*a\.parquet"):
        init_folder(tmp_path / "set", [files / "a.parquet", files / "b.parquet"])
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("{}.webp", "    images are called {id}, as 2 of 2 that were looked at"),
        ("danbooru_{}_{:032x}.webp", "    images are called danbooru_{id}_{md5}, as 2 of 2 that were looked at"),
        ("7{0}{0}{0}.webp", "    none of the 2 names looked at has an id of the metadata: set inputs.image_name"),
    ],
)
def test_the_form_of_image_names_is_found_out(tmp_path, files, form, line):
    pl.DataFrame({"id": [2, 4], "rating": ["g", "e"], **TAGS}).write_parquet(files / "posts.parquet")
    for post in (2, 4):
        (files / "pics" / form.format(post, post)).touch()
    assert line in list(init_folder(tmp_path / "set", [files / "pics", files / "posts.parquet"]))
    expected = "danbooru_{id}_{md5}" if "danbooru" in form else "{id}"
    assert inputs_of(tmp_path / "set")["image_name"] == expected


def test_an_image_folder_without_images_is_named(tmp_path, files):
    (files / "full").mkdir()
    (files / "full/1.webp").touch()
    (files / "pics/notes.txt").touch()
    lines = list(init_folder(tmp_path / "set", [files / "pics", files / "full"]))
    at = lines.index(f"  images: {files / 'pics'}, 0 images")
    assert lines[at + 1] == "    warning: no image in it: put the images there before you run anything, or correct inputs.images"
    assert lines[at + 2] == f"  images: {files / 'full'}, 1 image"


@pytest.mark.parametrize(("images", "shards"), [(0, 16), (1, 1), (7, 1), (8, 2), (28, 4), (31, 5), (32, 16)])
def test_few_images_are_divided_into_few_shards(tmp_path, files, monkeypatch, images, shards):
    for module in (init, recognition):
        monkeypatch.setattr(module, "MANY_IMAGES", 32)
    monkeypatch.setattr(init, "IMAGES_PER_SHARD", 7)
    (files / "more").mkdir()
    for number in range(images):
        (files / ("pics", "more")[number % 2] / f"{number}.webp").touch()
    list(init_folder(tmp_path / "set", [files / "pics", files / "more"]))
    config = yaml.safe_load((tmp_path / "set/config.yaml").read_text("utf-8"))
    assert config["captions"]["shards"] == shards


def test_each_folder_of_images_is_read_once(tmp_path, files, monkeypatch):
    pl.DataFrame({"id": [1, 2], **TAGS}).write_parquet(files / "posts.parquet")
    (files / "pics/below").mkdir()
    for name in ("1.png", "below/2.png"):
        (files / "pics" / name).touch()
    read, scandir = Counter(), os.scandir

    def counting(path):
        read[os.path.normpath(path)] += 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    lines = list(init_folder(tmp_path / "set", [files / "posts.parquet", files / "pics"]))
    assert "    images are called {id}, as 2 of 2 that were looked at" in lines
    assert read == {str(files / "pics"): 1, str(files / "pics/below"): 1}
