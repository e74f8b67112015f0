import os
import tarfile
from pathlib import Path

import polars as pl
import pytest
from image_files import location, pack

from booruflow.core.errors import Unreadable
from booruflow.products.tars import write_tars
from booruflow.sources.images.listing import list_images
from booruflow.sources.images.reading import read_image

COLUMNS = ["id", "file", "offset", "size", "ext"]


def test_loose_images(tmp_path):
    for name in ("30.webp", "4.PNG", "100.jpeg", "notes.txt", "12a.png", "-3.png", "4", "5.mp4"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "7.png").mkdir()
    found = list_images(tmp_path)
    assert found.frame.columns == COLUMNS
    assert found.frame.drop("ext").rows() == [
        (4, "4.PNG", None, None),
        (30, "30.webp", None, None),
        (100, "100.jpeg", None, None),
    ]
    assert (found.ignored, found.duplicates) == (5, 0)


def test_of_several_images_of_a_post_one_is_taken(tmp_path):
    for name in ("1.webp", "1.png", "1.jpg", "2.gif", "2.avif", "3.png", "0003.png"):
        (tmp_path / name).write_bytes(b"x")
    pack(tmp_path / "0001.tar", {"1.png": b"in the tar", "9.png": b"too"})
    found = list_images(tmp_path)
    assert found.frame["file"].to_list() == ["0001.tar", "2.avif", "0003.png", "0001.tar"]
    assert found.duplicates == 5


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("tar", ["0.tar", "0123.tar", "any name.tar"])
def test_images_in_tars(tmp_path, form, tar):
    long = "a/" + "深" * 30 + "/" + "b" * 90 if form != tarfile.USTAR_FORMAT else "a/" + "b" * 90
    members = {"7.webp": b"seven", f"{long}/123.png": b"in folders", "./8.jpg": b"", "read.me": b"", "1.json": b"{}"}
    pack(tmp_path / tar, members, form)
    found = list_images(tmp_path)
    assert found.frame["id"].to_list() == [7, 8, 123]
    assert found.ignored == 2
    assert read_image(tmp_path, *location(tmp_path, 7)) == b"seven"
    assert read_image(tmp_path, *location(tmp_path, 123)) == b"in folders"
    with pytest.raises(Unreadable, match="empty file"):
        read_image(tmp_path, *location(tmp_path, 8))


def test_tars_are_listed_from_their_index(tmp_path):
    write_tars(tmp_path, [pl.DataFrame({"id": range(40), "text": [b"%d" % i for i in range(40)]})], "png", count=4)
    found = list_images(tmp_path)
    assert found.frame["id"].to_list() == list(range(40))
    for row in found.frame.iter_rows():
        assert read_image(tmp_path, *row[1:4]) == b"%d" % row[0]
    for index in tmp_path.glob("*.json"):
        index.unlink()
    assert list_images(tmp_path).frame.equals(found.frame)


def test_names_that_are_not_utf8_are_ignored(tmp_path):
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff1.png")).write_bytes(b"x")
    assert list_images(tmp_path).ignored == 1
