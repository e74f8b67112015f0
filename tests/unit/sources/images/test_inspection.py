import pytest
from image_files import FORMATS, encoded, location, pack
from PIL import Image

from booruflow.core.errors import Unreadable
from booruflow.sources.images.sizes import size_of


@pytest.mark.parametrize("extension", FORMATS)
def test_sizes_are_as_stored(tmp_path, extension):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(extension, size=(31, 17), **({"exif": exif} if extension in ("jpg", "png", "webp") else {}))
    (tmp_path / f"1.{extension}").write_bytes(data)
    pack(tmp_path / "0.tar", {"x": b"\0" * 99, f"2.{extension}": data, "y": b"\1" * 9999})
    for post in (1, 2):
        assert size_of(tmp_path, *location(tmp_path, post)) == (31, 17)


def test_the_size_after_a_long_header(tmp_path):
    data = encoded("jpg", size=(31, 17), icc_profile=bytes(300_000))
    (tmp_path / "1.jpg").write_bytes(data)
    assert size_of(tmp_path, "1.jpg") == (31, 17)
    for broken in (b"", b"nothing", data[:200_000]):
        (tmp_path / "1.jpg").write_bytes(broken)
        with pytest.raises(Unreadable):
            size_of(tmp_path, "1.jpg")
