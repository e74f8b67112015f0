import hashlib
import random

import pytest
from image_files import location, pack

from booruflow.core.errors import Unreadable, UserError
from booruflow.sources.images.reading import fingerprint, read_image


def test_read_image(tmp_path):
    (tmp_path / "1.png").write_bytes(b"data")
    (tmp_path / "2.png").write_bytes(b"")
    (tmp_path / "4.png").mkdir()
    with (tmp_path / "5.png").open("wb") as file:
        file.truncate(10**12)
    assert read_image(f"{tmp_path}/1.png") == b"data"
    reasons = {2: "empty file", 3: "no such file", 4: "not a regular file", 5: "1,000,000,000,000 bytes"}
    for post, reason in reasons.items():
        with pytest.raises(Unreadable, match=reason):
            read_image(f"{tmp_path}/{post}.png")


def test_a_folder_that_went_away_ends_the_run(tmp_path):
    with pytest.raises(UserError, match=r"none: no such image folder: is the drive mounted\?"):
        read_image(f"{tmp_path}/none/1.png")


def test_members_of_tars(tmp_path):
    pack(tmp_path / "0.tar", {"1.png": b"data", "2.png": b"more data"})
    tar = f"{tmp_path}/0.tar"
    assert read_image(tar, 512, 4) == b"data"
    for place in ((512, 5), (513, 4), (1024, 4), (10**12, 4), (2048, 9)):
        with pytest.raises(UserError, match=r"0\.tar: no member of .* bytes at byte .*: remove its index"):
            read_image(tar, *place)
    whole = (tmp_path / "0.tar").read_bytes()
    (tmp_path / "0.tar").write_bytes(whole[:1540])
    with pytest.raises(Unreadable, match=r"cut off by the end of 0\.tar"):
        read_image(tar, 1536, 9)
    (tmp_path / "0.tar").unlink()
    with pytest.raises(UserError, match=r"0\.tar: cannot be read"):
        read_image(tar, 512, 4)


def test_fingerprint(tmp_path):
    image = random.Random(1).randbytes(200_000)

    def printed(data):
        (tmp_path / "1.png").write_bytes(data)
        pack(tmp_path / "0.tar", {"0.png": b"before", "2.png": data, "3.png": b"after"})
        loose, inside = (fingerprint(*location(tmp_path, post)) for post in (1, 2))
        assert loose == inside
        return loose

    assert printed(image) == hashlib.sha256(b"200000\0" + image[:32768] + image[-32768:]).hexdigest()[:32]
    others = [b"", image[:10], image[:-1], b"x" + image[1:], image[:-1] + b"x", image[:40_000]]
    assert len({printed(other) for other in others} | {printed(image)}) == len(others) + 1
    with pytest.raises(Unreadable, match="no such file"):
        fingerprint(f"{tmp_path}/4.png")
