import os
import struct
import zlib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import FORMATS, encoded, location, noise, pack
from PIL import Image

from booruflow.core.errors import Unreadable, UserError
from booruflow.sources.images.inspection import decoded_size, inspected, stored_size
from booruflow.sources.images.listing import list_images
from booruflow.sources.images.remembered import Remembered


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""
    header = struct.pack(">4sIIBBBBB", b"IHDR", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header)) + encoded("png")[33:]


def patched(extension: str, at: int, value: bytes) -> bytes:
    data = encoded(extension)
    return data[:at] + value + data[at + len(value) :]


LIES = {
    "png of 2^31 pixels": png_header(1 << 31, 8),
    "png of 2^31 - 1 pixels": png_header((1 << 31) - 1, 8),
    "png, 16777216 wide": png_header(16_777_216, 8),
    "png, 65536 high": png_header(8, 65_536),
    "png, 60000 x 60000": png_header(60_000, 60_000),
    "png, 0 x 8": png_header(0, 8),
    "jpeg, 65500 x 65500": noise("jpg").replace(b"\0\x28\0\x3c", b"\xff\xdc\xff\xdc", 1),
    "gif, 60000 x 60000": patched("gif", 6, b"\x60\xea\x60\xea"),
    "bmp, 2^31 wide": patched("bmp", 18, b"\0\0\0\x80\0\0\0\x80"),
    "bmp, 16777216 wide": patched("bmp", 18, b"\0\0\0\1"),
    "webp, 16384 x 16384": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0" + encoded("webp")[12:],
    "avif, 2^31 wide": encoded("avif").replace(struct.pack(">II", 8, 6), struct.pack(">II", 1 << 31, 6)),
}
NO_IMAGES = {
    "html": b"<!DOCTYPE html><html><body>404</body></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"/>',
    "svg with an entity bomb": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg width="&b;"/>',
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\n{} loop\n",
    "tiff": b"",
    "ppm": b"P6 8 6 255 " + bytes(144),
    "text": b"nothing",
    "mp4": b"\0\0\0\x18ftypmp42" + bytes(40),
    "heic": b"\0\0\0\x18ftypheic" + bytes(40),
    "pdf": b"%PDF-1.7",
}


@pytest.mark.parametrize("inspect", [stored_size, decoded_size])
@pytest.mark.parametrize("extension", FORMATS)
def test_sizes_are_as_stored(tmp_path, extension, inspect):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(extension, size=(31, 17), **({"exif": exif} if extension in ("jpg", "png", "webp", "avif") else {}))
    (tmp_path / f"1.{extension}").write_bytes(data)
    pack(tmp_path / "0.tar", {"x": b"\0" * 99, f"2.{extension}": data, "y": b"\1" * 9999})
    for post in (1, 2):
        assert inspect(*location(tmp_path, post)) == (31, 17)


def test_the_size_after_a_long_header(tmp_path):
    path = tmp_path / "1.jpg"
    data = encoded("jpg", size=(31, 17), icc_profile=bytes(300_000))
    path.write_bytes(data)
    assert stored_size(str(path)) == (31, 17)
    for broken in (b"", b"nothing", data[:200_000]):
        path.write_bytes(broken)
        with pytest.raises(Unreadable):
            stored_size(str(path))


@pytest.mark.parametrize("inspect", [stored_size, decoded_size])
@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_unreadable(tmp_path, lie, inspect):
    (tmp_path / "1.png").write_bytes(LIES[lie])
    with pytest.raises(Unreadable):
        inspect(f"{tmp_path}/1.png")


@pytest.mark.parametrize("inspect", [stored_size, decoded_size])
@pytest.mark.parametrize("kind", NO_IMAGES)
def test_only_the_formats_of_the_trainer_are_opened(tmp_path, kind, inspect):
    data = NO_IMAGES[kind]
    if kind == "tiff":
        Image.new("RGB", (8, 6)).save(tmp_path / "1.tif")
        data = (tmp_path / "1.tif").read_bytes()
    (tmp_path / "1.webp").write_bytes(data)
    with pytest.raises(Unreadable, match="not an image of a known kind"):
        inspect(f"{tmp_path}/1.webp")


@pytest.mark.parametrize("extension", FORMATS)
def test_cut_and_broken_images_are_found_by_decoding(tmp_path, extension):
    path = tmp_path / f"1.{extension}"
    data = noise(extension)
    for broken in (data[: len(data) // 2], data[: len(data) * 9 // 10], data[:40]):
        path.write_bytes(broken)
        with pytest.raises(Unreadable):
            decoded_size(str(path))


def test_a_broken_checksum_is_found_by_decoding(tmp_path):
    data = bytearray(noise("png"))
    data[len(data) // 2] ^= 1
    (tmp_path / "1.png").write_bytes(data)
    assert stored_size(f"{tmp_path}/1.png") == (60, 40)
    with pytest.raises(Unreadable, match="broken"):
        decoded_size(f"{tmp_path}/1.png")


@settings(deadline=None, max_examples=150)
@given(extension=st.sampled_from(sorted(FORMATS)), data=st.data())
def test_mutated_images_have_a_size_or_a_reason(tmp_path_factory, extension, data):
    image = bytearray(noise(extension, (16, 12)))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, min(80, len(image) - 1)), st.integers(0, 255)), max_size=8)):
        image[at] = value
    path = tmp_path_factory.getbasetemp() / "1.png"
    path.write_bytes(image)
    for inspect in (stored_size, decoded_size):
        try:
            width, height = inspect(str(path))
            assert 0 < width <= 65_535 and 0 < height <= 65_535
        except Unreadable as reason:
            assert str(reason) and "\n" not in str(reason)


class Counting:
    """An inspection that notes what it reads."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, path: str, offset: int | None, size: int | None) -> tuple[int, int]:
        self.read.append(Path(path).name)
        return stored_size(path, offset, size)


def run(folder: Path) -> tuple[pl.DataFrame, list[str]]:
    """Sizes by post, and the files that were read."""
    inspect, images = Counting(), list_images([str(folder)], "{id}").frame
    with Remembered(folder / "journal/sizes.bin") as remembered:
        frame = pl.concat(inspected([images], inspect, remembered, 2))
    return frame.select("id", "width", "height", "problem"), sorted(inspect.read)


def test_only_what_is_new_or_changed_is_read_again(tmp_path):
    for post in range(300):
        (tmp_path / f"{post}.png").write_bytes(encoded("png", (post + 1, 2)))
    (tmp_path / "7.png").write_bytes(b"broken")
    os.mkfifo(tmp_path / "300.png")
    first, read = run(tmp_path)
    assert len(read) == 301
    assert first.filter(pl.col("id") == 299).row(0) == (299, 300, 2, None)
    assert first.filter(pl.col("problem").is_not_null()).rows() == [
        (7, None, None, "not an image of a known kind"),
        (300, None, None, "not a regular file"),
    ]
    again, read = run(tmp_path)
    assert again.equals(first)
    assert read == ["300.png", "7.png"], "what cannot be used is tried again"

    (tmp_path / "1.png").write_bytes(encoded("png", (5, 5)))
    status = (tmp_path / "2.png").stat()
    os.utime(tmp_path / "2.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    changed, read = run(tmp_path)
    assert read == ["1.png", "2.png", "300.png", "7.png"]
    assert changed.filter(pl.col("id") == 1).row(0) == (1, 5, 5, None)


def test_a_file_of_results_that_was_cut_off_or_is_foreign(tmp_path):
    for post in range(5):
        (tmp_path / f"{post}.png").write_bytes(encoded("png", (post + 1, 2)))
    first, _ = run(tmp_path)
    path = tmp_path / "journal/sizes.bin"
    path.write_bytes(path.read_bytes()[:-1])
    again, read = run(tmp_path)
    assert again.equals(first)
    assert len(read) == 1
    path.write_bytes(b"something else, and longer than one record")
    again, read = run(tmp_path)
    assert again.equals(first)
    assert len(read) == 5
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=r"sizes\.bin: cannot be written"):
        run(tmp_path)


def test_no_images_have_the_columns(tmp_path):
    frame, _ = run(tmp_path)
    assert frame.schema == {"id": pl.Int64, "width": pl.Int32, "height": pl.Int32, "problem": pl.String}
