import hashlib
import random

import pytest
from image_files import location, pack

from booruflow.core.errors import Unreadable, UserError
from booruflow.sources.images.listing import list_images
from booruflow.sources.images.reading import fingerprint, read_image


def test_an_image_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such image folder"):
        list_images(tmp_path / "none")
    with pytest.raises(UserError, match="no such image folder"):
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


def test_fingerprint(tmp_path):
    image = random.Random(1).randbytes(200_000)

    def printed(data):
        (tmp_path / "1.png").write_bytes(data)
        pack(tmp_path / "0.tar", {"0.png": b"before", "2.png": data, "3.png": b"after"})
        loose, inside = (fingerprint(tmp_path, *location(tmp_path, post)) for post in (1, 2))
        assert loose == inside
        return loose

    assert printed(image) == hashlib.sha256(b"200000\0" + image[:32768] + image[-32768:]).hexdigest()[:32]
    others = [b"", image[:10], image[:-1], b"x" + image[1:], image[:-1] + b"x", image[:40_000]]
    assert len({printed(other) for other in others} | {printed(image)}) == len(others) + 1
    with pytest.raises(Unreadable, match="no such file"):
        fingerprint(tmp_path, "4.png")
