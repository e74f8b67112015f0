import hashlib
import io
import os
import random
import tarfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from booruflow.core.errors import Unreadable, UserError
from booruflow.products.tars import write_tars
from booruflow.sources.images import (
    fingerprint,
    list_images,
    open_image,
    read_image,
    scan_tar,
    size_of,
)

KINDS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "avif": "AVIF", "gif": "GIF"}
COLUMNS = ["id", "file", "offset", "size", "ext"]


def encoded(kind="png", size=(8, 6), color="red", mode="RGB", **options):
    out = io.BytesIO()
    Image.new(mode, size, color).save(out, KINDS[kind], **options)
    return out.getvalue()


def noise(kind, size=(60, 40)):
    pixels = random.Random(0).randbytes(size[0] * size[1] * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(out, KINDS[kind])
    return out.getvalue()


def packed(tar, members, form=tarfile.GNU_FORMAT):
    with tarfile.open(tar, "w", format=form) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def place(root, post):
    row = list_images(root).frame.row(by_predicate=pl.col("id") == post, named=True)
    return row["file"], row["offset"], row["size"]


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


def test_one_image_a_post(tmp_path):
    for name in ("1.webp", "1.png", "1.jpg", "2.gif", "2.avif", "3.png", "0003.png"):
        (tmp_path / name).write_bytes(b"x")
    packed(tmp_path / "0001.tar", {"1.png": b"in the tar", "9.png": b"too"})
    found = list_images(tmp_path)
    assert found.frame["file"].to_list() == ["0001.tar", "2.avif", "0003.png", "0001.tar"]
    assert found.duplicates == 5


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("tar", ["0.tar", "0123.tar", "any name.tar"])
def test_images_in_tars(tmp_path, form, tar):
    long = "a/" + "深" * 30 + "/" + "b" * 90 if form != tarfile.USTAR_FORMAT else "a/" + "b" * 90
    members = {"7.webp": b"seven", f"{long}/123.png": b"in folders", "./8.jpg": b"", "read.me": b"", "1.json": b"{}"}
    packed(tmp_path / tar, members, form)
    found = list_images(tmp_path)
    assert found.frame["id"].to_list() == [7, 8, 123]
    assert found.ignored == 2
    assert read_image(tmp_path, *place(tmp_path, 7)) == b"seven"
    assert read_image(tmp_path, *place(tmp_path, 123)) == b"in folders"
    with pytest.raises(Unreadable, match="empty file"):
        read_image(tmp_path, *place(tmp_path, 8))


def test_tars_are_read_through_their_index(tmp_path):
    write_tars(tmp_path, [pl.DataFrame({"id": range(40), "text": [b"%d" % i for i in range(40)]})], "png", count=4)
    found = list_images(tmp_path)
    assert found.frame["id"].to_list() == list(range(40))
    for row in found.frame.iter_rows():
        assert read_image(tmp_path, *row[1:4]) == b"%d" % row[0]
    for index in tmp_path.glob("*.json"):
        index.unlink()
    assert list_images(tmp_path).frame.equals(found.frame)


def test_index_of_hfutils(tmp_path):
    index = pytest.importorskip("hfutils.index", reason="hfutils is not installed")
    packed(tmp_path / "0005.tar", {"5.webp": b"five", "1005.webp": b"more"}, tarfile.PAX_FORMAT)
    scanned = list_images(tmp_path).frame
    index.tar_create_index(str(tmp_path / "0005.tar"), with_hash=False, silent=True)
    assert list_images(tmp_path).frame.equals(scanned)


def test_index_must_fit(tmp_path):
    packed(tmp_path / "0.tar", {"5.webp": b"five"})
    index = tmp_path / "0.json"
    for text in (b'{"filesize": 1, "files": {}}', b'{"files"', b"[]", b"{}"):
        index.write_bytes(text)
        with pytest.raises(UserError, match=r"0\.json: .*remove"):
            list_images(tmp_path)


def test_the_later_of_two_members_counts(tmp_path):
    packed(tmp_path / "0.tar", {"5.webp": b"old"})
    with tarfile.open(tmp_path / "0.tar", "a") as archive:
        member = tarfile.TarInfo("5.webp")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"new"))
    assert read_image(tmp_path, *place(tmp_path, 5)) == b"new"


def test_broken_tars(tmp_path):
    tar = tmp_path / "0.tar"
    packed(tar, {"5.webp": bytes(2000), "6.webp": bytes(2000), "7.webp": bytes(2000)})
    whole = tar.read_bytes()
    for data in (
        b"",
        b"no tar" * 300,
        whole[:2000],
        whole[:2600],
        whole[: 2560 + 300],
        whole[:2560] + b"\xff" * 512 + whole[3072:],
    ):
        tar.write_bytes(data)
        with pytest.raises(UserError, match=r"0\.tar: "):
            list_images(tmp_path)


def test_no_root(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        list_images(tmp_path / "none")
    with pytest.raises(UserError, match="no such folder"):
        read_image(tmp_path / "none", "1.png")
    assert list_images(tmp_path).frame.is_empty()


def test_read_image(tmp_path):
    (tmp_path / "1.png").write_bytes(b"data")
    (tmp_path / "2.png").write_bytes(b"")
    assert read_image(tmp_path, "1.png") == b"data"
    assert read_image(tmp_path, "1.png", 1, 2) == b"at"
    with pytest.raises(Unreadable, match="empty file"):
        read_image(tmp_path, "2.png")
    with pytest.raises(Unreadable, match="no such file"):
        read_image(tmp_path, "3.png")
    with pytest.raises(Unreadable, match=r"cut off by the end of 1\.png"):
        read_image(tmp_path, "1.png", 1, 9)
    with pytest.raises(UserError, match="cannot be read"):
        read_image(tmp_path, "1.png/2.png")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_opens_as_rgb(tmp_path, kind):
    image = open_image(encoded(kind))
    assert (image.mode, image.size) == ("RGB", (8, 6))
    assert all(abs(a - b) < 12 for a, b in zip(image.getpixel((4, 3)), (255, 0, 0), strict=True))


@pytest.mark.parametrize(
    ("data", "color"),
    [
        (encoded("png", mode="RGBA", color=(0, 0, 255, 0)), (255, 255, 255)),
        (encoded("png", mode="RGBA", color=(0, 0, 0, 51)), (204, 204, 204)),
        (encoded("png", mode="LA", color=(0, 0)), (255, 255, 255)),
        (encoded("png", mode="P", color=0, transparency=0), (255, 255, 255)),
        (encoded("webp", mode="RGBA", color=(0, 0, 0, 0), lossless=True), (255, 255, 255)),
        (encoded("png", mode="L", color=77), (77, 77, 77)),
        (encoded("png", mode="1", color=1), (255, 255, 255)),
        (encoded("png", mode="I;16", color=100 << 8), (100, 100, 100)),
        (encoded("jpg", mode="CMYK", color=(0, 0, 0, 0)), (255, 255, 255)),
    ],
)
def test_modes_and_transparency(data, color):
    image = open_image(data)
    assert image.mode == "RGB"
    assert image.getpixel((2, 2)) == color


def test_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the top row is the right side
    data = encoded("jpg", exif=exif)
    assert open_image(data).size == (6, 8)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_first_frame(kind):
    out = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(out, KINDS[kind], save_all=True, append_images=frames[1:], lossless=True)
    assert open_image(out.getvalue()).getpixel((1, 1)) == (255, 0, 0)


@pytest.mark.parametrize("data", [b"no image", b"<svg/>", encoded("bmp")[:18] + b"\xff\xff\xff\x0f" * 2 + encoded("bmp")[26:]])
def test_no_images(data):
    with pytest.raises(Unreadable) as caught:
        open_image(data)
    assert "0x" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_truncated(kind):
    data = noise(kind)
    for length in (len(data) // 2, len(data) * 9 // 10, 30):
        with pytest.raises(Unreadable):
            open_image(data[:length])


@settings(deadline=None, max_examples=150)
@given(kind=st.sampled_from(sorted(KINDS)), data=st.data())
def test_mutated_images_open_or_are_unreadable(kind, data):
    image = bytearray(noise(kind, (16, 12)))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(image) - 1), st.integers(0, 255)), max_size=8)):
        image[at] = value
    try:
        assert open_image(bytes(image)).mode == "RGB"
    except Unreadable as reason:
        assert str(reason)
        assert "\n" not in str(reason)


@pytest.mark.parametrize("kind", KINDS)
def test_size_of(tmp_path, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(kind, size=(31, 17), **({"exif": exif} if kind in ("jpg", "png", "webp") else {}))
    (tmp_path / f"1.{kind}").write_bytes(data)
    packed(tmp_path / "0.tar", {"x": b"\0" * 99, f"2.{kind}": data, "y": b"\1" * 9999})
    for post in (1, 2):
        assert size_of(tmp_path, *place(tmp_path, post)) == (31, 17)


def test_size_behind_a_long_header(tmp_path):
    data = encoded("jpg", size=(31, 17), icc_profile=bytes(300_000))
    (tmp_path / "1.jpg").write_bytes(data)
    assert size_of(tmp_path, "1.jpg") == (31, 17)
    for broken in (b"", b"nothing", data[:200_000]):
        (tmp_path / "1.jpg").write_bytes(broken)
        with pytest.raises(Unreadable):
            size_of(tmp_path, "1.jpg")


def test_fingerprint(tmp_path):
    image = random.Random(1).randbytes(200_000)

    def printed(data):
        (tmp_path / "1.png").write_bytes(data)
        packed(tmp_path / "0.tar", {"0.png": b"before", "2.png": data, "3.png": b"after"})
        loose, inside = (fingerprint(tmp_path, *place(tmp_path, post)) for post in (1, 2))
        assert loose == inside
        return loose

    assert printed(image) == hashlib.sha256(b"200000\0" + image[:32768] + image[-32768:]).hexdigest()[:32]
    others = [b"", image[:10], image[:-1], b"x" + image[1:], image[:-1] + b"x", image[:40_000]]
    assert len({printed(other) for other in others} | {printed(image)}) == len(others) + 1
    with pytest.raises(Unreadable, match="no such file"):
        fingerprint(tmp_path, "4.png")


def test_names_that_are_not_utf8_are_ignored(tmp_path):
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff1.png")).write_bytes(b"x")
    assert list_images(tmp_path).ignored == 1


def test_scan_tar_is_the_index_without_hashes(tmp_path):
    packed(tmp_path / "0.tar", {"1.png": b"1", "2.png": b""})
    assert scan_tar(tmp_path / "0.tar") == {"1.png": {"offset": 512, "size": 1}, "2.png": {"offset": 1536, "size": 0}}
