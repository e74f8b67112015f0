import io
import os
import shutil

import pytest
from image_files import encoded as image_bytes
from PIL import Image
from small_exports import ENCODE, export, files_of, image_folder

from booruflow.core.errors import Unreadable, UserError
from booruflow.exports.images import encoded, fitted


@pytest.fixture
def images(tmp_path):
    return image_folder(tmp_path)


def times(folder):
    return {path.name: os.lstat(path).st_mtime_ns for path in (folder / "data").iterdir() if path.suffix != ".txt"}


def test_images_that_are_there_are_kept_and_others_written_again(images, tmp_path):
    folder = export(tmp_path, images)
    whole, before = files_of(folder), times(folder)
    os.truncate(folder / "data/1.png", 10)
    (folder / "data/2.jpg").unlink()
    (folder / "data/3.webp").write_bytes(whole["data/3.webp"])  # the same bytes at another time
    export(tmp_path, images)
    assert files_of(folder) == whole
    assert {name for name, at in times(folder).items() if at != before[name]} == {"1.png", "2.jpg", "3.webp"}


@pytest.mark.parametrize("lost", [[], ["files.tsv"], ["files.tsv", ".written.tsv"], ["files.tsv", ".files.earlier.tsv"]])
def test_files_of_others_stay_and_those_of_earlier_settings_go(images, tmp_path, capsys, lost):
    folder = export(tmp_path, images)
    own = {"data/1_0900x0100_sdxl.npz": b"latents", "data/deep/er/2.npz": b"", "data/stranger.png": b"x", "data/note.md": b""}
    for name, content in own.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for name in lost:
        (folder / name).unlink()
    others = {"form": "imagefolder", "images": "encode", "encode": {**ENCODE, "format": "jpg"}}
    export(tmp_path, images, **others)
    assert "files of an earlier export removed" in capsys.readouterr().out
    fresh = files_of(export(tmp_path, images, "fresh", **others))
    left = files_of(folder)
    assert {name: content for name, content in left.items() if name in own} == own
    if ".files.earlier.tsv" in lost:  # the record of images is the other one
        left = {name: content for name, content in left.items() if not name.endswith((".txt", ".toml"))}
    assert set(left) == {*fresh, *own}


def test_images_that_a_killed_job_was_writing_go_with_its_setting(images, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("booruflow.exports.ledger.Ledger.add", killed)
        with pytest.raises(Killed):
            export(tmp_path, images)
    folder = tmp_path / "set"
    assert (folder / "data/1.png").exists() and not (folder / "files.tsv").exists()
    others = {"images": "encode", "encode": {**ENCODE, "format": "webp"}}
    export(tmp_path, images, **others)
    assert set(files_of(folder)) == set(files_of(export(tmp_path, images, "fresh", **others)))


def test_a_changed_original_is_copied_again(images, tmp_path):
    folder = export(tmp_path, images)
    before = times(folder)
    (images / "1.png").write_bytes(image_bytes("png", (9, 6), "red"))
    export(tmp_path, images)
    assert (folder / "data/1.png").read_bytes() == (images / "1.png").read_bytes()
    assert {name for name, at in times(folder).items() if at != before[name]} == {"1.png"}


@pytest.mark.parametrize("cut", [1, 60, 150])
def test_a_record_that_a_kill_cut_off_costs_only_time(images, tmp_path, cut):
    folder = export(tmp_path, images)
    whole = files_of(folder)
    ledger = folder / ".written.tsv"
    os.truncate(ledger, ledger.stat().st_size - cut)
    (folder / "files.tsv").unlink()
    for _ in range(2):
        export(tmp_path, images)
        assert files_of(folder) == whole
    shutil.rmtree(folder)
    assert files_of(export(tmp_path, images)) == whole


def test_another_encoding_is_written_again(images, tmp_path):
    settings = {"images": "encode", "encode": {**ENCODE, "format": "jpg", "max_side": 5}}
    folder = export(tmp_path, images, **settings)
    assert {Image.open(path).format for path in (folder / "data").glob("*.jpg")} == {"JPEG"}
    first = files_of(folder)
    export(tmp_path, images, **{**settings, "encode": {**settings["encode"], "quality": 20}})
    assert files_of(folder)["data/1.jpg"] != first["data/1.jpg"]
    assert max(Image.open(folder / "data/16.jpg").size) == 5


def test_an_image_that_cannot_be_read_is_named(images, tmp_path):
    (images / "1.png").unlink()
    (images / "1.png").symlink_to(tmp_path / "nothing.png")
    with pytest.raises(UserError, match=r"images/1\.png: cannot be read \(No such file or directory\): restore the image"):
        export(tmp_path, images)
    (images / "1.png").unlink()
    (images / "1.png").write_bytes(b"not an image")
    with pytest.raises(UserError, match=r"1\.png: image of post 1: not an image of a known kind: replace it"):
        export(tmp_path, images, images="encode")
    assert not (tmp_path / "set/files.tsv").exists()


def test_a_tar_that_has_changed_is_named(images, tmp_path):
    tar = images / "0016.tar"
    data = bytearray(tar.read_bytes())
    data[124:135] = b"00000000001"
    tar.write_bytes(data)
    with pytest.raises(UserError, match=r"0016\.tar"):
        export(tmp_path, images)


@pytest.mark.parametrize(
    ("size", "limits", "expected"),
    [
        ((100, 50), (None, None), (100, 50)),
        ((100, 50), (10**6, 1000), (100, 50)),
        ((100, 50), (1250, None), (50, 25)),
        ((100, 50), (None, 10), (10, 5)),
        ((1000, 1), (None, 10), (10, 1)),
        ((4000, 3000), (1 << 20, None), (1182, 886)),
    ],
)
def test_sizes_within_limits(size, limits, expected):
    assert fitted(*size, *limits) == expected


def test_an_encoded_image_is_upright_on_white_and_without_metadata():
    out = io.BytesIO()
    image = Image.new("RGBA", (40, 20), (255, 0, 0, 0))
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees
    image.save(out, "PNG", exif=exif)
    for form in ("png", "webp", "jpg"):
        data, size = encoded(out.getvalue(), {**ENCODE, "format": form})
        shown = Image.open(io.BytesIO(data))
        assert size == shown.size == (20, 40) and not shown.getexif()
        assert min(shown.convert("RGB").getpixel((10, 20))) > 250
    with pytest.raises(Unreadable):
        encoded(b"\x89PNG", ENCODE)
