import io
import tarfile

import pytest
from image_files import location, pack

from booruflow.core.errors import UserError
from booruflow.sources.images.listing import list_images
from booruflow.sources.images.reading import read_image
from booruflow.sources.images.tars import scan_tar


def test_an_index_written_by_hfutils(tmp_path):
    index = pytest.importorskip("hfutils.index", reason="hfutils is not installed")
    pack(tmp_path / "0005.tar", {"5.webp": b"five", "1005.webp": b"more"}, tarfile.PAX_FORMAT)
    scanned = list_images(tmp_path).frame
    index.tar_create_index(str(tmp_path / "0005.tar"), with_hash=False, silent=True)
    assert list_images(tmp_path).frame.equals(scanned)


def test_an_index_that_does_not_fit_is_refused(tmp_path):
    pack(tmp_path / "0.tar", {"5.webp": b"five"})
    index = tmp_path / "0.json"
    for text in (b'{"filesize": 1, "files": {}}', b'{"files"', b"[]", b"{}"):
        index.write_bytes(text)
        with pytest.raises(UserError, match=r"0\.json: .*remove"):
            list_images(tmp_path)


def test_of_two_members_of_one_name_the_later_is_taken(tmp_path):
    pack(tmp_path / "0.tar", {"5.webp": b"old"})
    with tarfile.open(tmp_path / "0.tar", "a") as archive:
        member = tarfile.TarInfo("5.webp")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"new"))
    assert read_image(tmp_path, *location(tmp_path, 5)) == b"new"


def test_broken_tars_are_refused(tmp_path):
    tar = tmp_path / "0.tar"
    pack(tar, {"5.webp": bytes(2000), "6.webp": bytes(2000), "7.webp": bytes(2000)})
    content = tar.read_bytes()
    for data in (
        b"",
        b"no tar" * 300,
        content[:2000],
        content[:2600],
        content[: 2560 + 300],
        content[:2560] + b"\xff" * 512 + content[3072:],
    ):
        tar.write_bytes(data)
        with pytest.raises(UserError, match=r"0\.tar: "):
            list_images(tmp_path)


def test_scanned_members_are_those_of_the_index(tmp_path):
    pack(tmp_path / "0.tar", {"1.png": b"1", "2.png": b""})
    assert scan_tar(tmp_path / "0.tar") == {"1.png": {"offset": 512, "size": 1}, "2.png": {"offset": 1536, "size": 0}}
