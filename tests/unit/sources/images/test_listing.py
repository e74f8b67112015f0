import os
import tarfile
from pathlib import Path

import polars as pl
import pytest
from image_files import location, pack

from booruflow.core.errors import Unreadable, UserError
from booruflow.products.tars import write_tars
from booruflow.sources.images.listing import IMAGES_SCHEMA, Images, list_images, require_images
from booruflow.sources.images.reading import read_image


def listed(*folders: Path, image_name: str = "{id}"):
    return list_images([str(folder) for folder in folders], image_name)


def places(*folders: Path, image_name: str = "{id}") -> dict[int, tuple[str | None, str]]:
    """Post -> tar and name."""
    frame = listed(*folders, image_name=image_name).frame
    return {row["id"]: (row["tar"], row["name"]) for row in frame.iter_rows(named=True)}


def test_loose_images(tmp_path):
    for name in ("30.webp", "4.PNG", "100.jpeg", "notes.txt", "12a.png", "-3.png", "4", "5.mp4", "4.json"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "7.png").mkdir()
    found = listed(tmp_path)
    assert found.frame.schema == pl.Schema(IMAGES_SCHEMA)
    folder = str(tmp_path)
    assert found.frame.rows() == [
        (4, folder, None, "4.PNG", None, None),
        (30, folder, None, "30.webp", None, None),
        (100, folder, None, "100.jpeg", None, None),
    ]
    assert (found.ignored, found.duplicates, found.skipped) == (5, 0, [])


def test_subfolders_and_names_with_more_than_the_id(tmp_path):
    for name in ("0001/danbooru_1001_0a9.png", "0123/more/danbooru_3123_77.JPG", "1001.png", "danbooru_5.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = places(tmp_path, image_name="danbooru_{id}_{md5}")
    assert found == {1001: (None, "0001/danbooru_1001_0a9.png"), 3123: (None, "0123/more/danbooru_3123_77.JPG")}
    assert read_image(*location(tmp_path, 3123, "danbooru_{id}_{md5}")) == b"x"


def test_of_several_images_of_a_post_one_is_taken(tmp_path):
    for name in ("1.webp", "1.png", "1.jpg", "2.gif", "2.avif", "3.png", "0003.png"):
        (tmp_path / name).write_bytes(b"x")
    pack(tmp_path / "0001.tar", {"1.png": b"in the tar", "9.png": b"too"})
    assert places(tmp_path) == {1: (None, "1.png"), 2: (None, "2.avif"), 3: (None, "0003.png"), 9: ("0001.tar", "9.png")}
    assert listed(tmp_path).duplicates == 5


def test_of_several_folders_the_first_comes_first(tmp_path):
    for name in ("a/1.webp", "a/2.webp", "b/1.png", "b/3.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    a, b = tmp_path / "a", tmp_path / "b"
    assert places(a, b) == {1: (None, "1.webp"), 2: (None, "2.webp"), 3: (None, "3.webp")}
    assert listed(b, a).frame.select("folder", "name").rows() == [(str(b), "1.png"), (str(a), "2.webp"), (str(b), "3.webp")]


def test_no_folder_has_no_images():
    found = listed()
    assert found.frame.schema == pl.Schema(IMAGES_SCHEMA)
    assert found.frame.is_empty()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("tar", ["0.tar", "0123.tar", "below/any name.tar"])
def test_images_in_tars(tmp_path, form, tar):
    long = "a/" + "深" * 30 + "/" + "b" * 90 if form != tarfile.USTAR_FORMAT else "a/" + "b" * 90
    members = {"7.webp": b"seven", f"{long}/123.png": b"in folders", "./8.jpg": b"", "read.me": b"", "1.json": b"{}"}
    (tmp_path / tar).parent.mkdir(exist_ok=True)
    pack(tmp_path / tar, members | {"/9.png": b"nine", "../10.png": b"above"}, form)
    assert places(tmp_path) == {7: (tar, "7.webp"), 8: (tar, "8.jpg"), 9: (tar, "9.png"), 123: (tar, f"{long}/123.png")}
    assert listed(tmp_path).ignored == 3
    assert read_image(*location(tmp_path, 7)) == b"seven"
    assert read_image(*location(tmp_path, 123)) == b"in folders"
    with pytest.raises(Unreadable, match="empty file"):
        read_image(*location(tmp_path, 8))


def test_tars_are_listed_from_their_index(tmp_path):
    write_tars(tmp_path, [pl.DataFrame({"id": range(40), "text": [b"%d" % i for i in range(40)]})], "png", count=4)
    found = listed(tmp_path)
    assert found.frame["id"].to_list() == list(range(40))
    for post in range(40):
        assert read_image(*location(tmp_path, post)) == b"%d" % post
    for index in tmp_path.glob("*.json"):
        index.unlink()
    assert listed(tmp_path).frame.equals(found.frame)


def test_names_that_are_not_utf8_are_ignored(tmp_path):
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff1.png")).write_bytes(b"x")
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff")).mkdir()
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff/2.png")).write_bytes(b"x")
    assert places(tmp_path) == {}
    assert listed(tmp_path).ignored == 2


def test_what_is_no_regular_file_is_taken_only_where_there_is_nothing_else(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    os.mkfifo(tmp_path / "2.png")
    (tmp_path / "2.gif").write_bytes(b"x")
    (tmp_path / "3.png").symlink_to("nowhere")
    (tmp_path / "4.png").symlink_to("4.png")
    assert places(tmp_path) == {1: (None, "1.png"), 2: (None, "2.gif"), 3: (None, "3.png"), 4: (None, "4.png")}
    reasons = []
    for post in (1, 3, 4):
        with pytest.raises(Unreadable) as caught:
            read_image(*location(tmp_path, post))
        reasons.append(str(caught.value))
    assert reasons == ["not a regular file", "no such file or directory", "too many levels of symbolic links"]


def test_tars_and_indexes_that_are_no_regular_files(tmp_path):
    os.mkfifo(tmp_path / "0.tar")
    (tmp_path / "1.tar").symlink_to("nowhere")
    (tmp_path / "2.tar").mkdir()
    pack(tmp_path / "3.tar", {"3.png": b"x"})
    (tmp_path / "3.json").symlink_to("nowhere")
    found = listed(tmp_path)
    assert places(tmp_path) == {3: ("3.tar", "3.png")}
    assert found.skipped == [f"{tmp_path}/{name}: not a regular file" for name in ("0.tar", "1.tar")]


def test_an_image_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such image folder"):
        listed(tmp_path / "none")


def test_a_folder_in_which_no_file_is_called_as_an_image_is_refused():
    require_images(Images(pl.DataFrame(schema=IMAGES_SCHEMA), 0, 0, []), [], "{id}")
    require_images(Images(pl.DataFrame({"id": [1]}), 9, 0, []), ["a"], "{id}")
    with pytest.raises(UserError, match=r"none of the 9 files is called b_\{id\}\.<ext>, .*: set inputs.image_name"):
        require_images(Images(pl.DataFrame(schema=IMAGES_SCHEMA), 9, 0, []), ["a"], "b_{id}")
    with pytest.raises(UserError, match=r"^config.yaml: inputs.images: no image in a, b: name .*$"):
        require_images(Images(pl.DataFrame(schema=IMAGES_SCHEMA), 0, 0, []), ["a", "b"], "{id}")
