import io
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_files import location, pack

from booruflow.core.errors import UserError
from booruflow.sources.images.listing import list_images
from booruflow.sources.images.reading import read_image
from booruflow.sources.images.tars import scan_tar, tar_members


def test_an_index_written_by_hfutils(tmp_path):
    index = pytest.importorskip("hfutils.index", reason="hfutils is not installed")
    pack(tmp_path / "0005.tar", {"5.webp": b"five", "1005.webp": b"more"}, tarfile.PAX_FORMAT)
    scanned = tar_members(tmp_path / "0005.tar")
    index.tar_create_index(str(tmp_path / "0005.tar"), with_hash=False, silent=True)
    assert tar_members(tmp_path / "0005.tar") == scanned


def test_an_index_that_does_not_fit_is_refused(tmp_path):
    pack(tmp_path / "0.tar", {"5.webp": b"five"})
    index, size = tmp_path / "0.json", (tmp_path / "0.tar").stat().st_size
    texts = ['{"filesize": 1, "files": {}}', '{"files"', "[]", "{}", "null", f'{{"filesize": {size}, "files": []}}', "\ud800"]
    places = [{}, {"offset": 512}, {"size": 4}, [512, 4], None, "512"]
    for offset, count in [(-1, 4), (0, 4), (512, -4), (size, 1), (10**12, 4), (512, 10**12), ("512", 4), (512.0, 4), (True, 4)]:
        places.append({"offset": offset, "size": count})
    texts += [json.dumps({"filesize": size, "files": {"5.webp": place}}) for place in places]
    for text in texts:
        index.write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(UserError, match=r"0\.json: .*remove") as caught:
            tar_members(tmp_path / "0.tar")
        assert "\n" not in str(caught.value)
    for text in ('{"files"', '{"files": ' + "[" * 250):
        index.write_text(text)
        with pytest.raises(UserError, match=r"0\.json: not valid JSON \((it ends before|too many brackets).*\): remove it"):
            tar_members(tmp_path / "0.tar")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
    )
)
def test_any_json_is_read_or_refused(tmp_path_factory, files):
    tar = tmp_path_factory.getbasetemp() / "any.tar"
    if not tar.exists():
        pack(tar, {"5.webp": b"five"})
    tar.with_suffix(".json").write_text(json.dumps({"filesize": tar.stat().st_size, "files": files}))
    try:
        assert tar_members(tar) == files
    except UserError as error:
        assert "remove" in str(error)


def test_an_index_of_a_member_that_is_not_there_is_refused_when_it_is_read(tmp_path):
    pack(tmp_path / "0.tar", {"5.webp": bytes(2000)})
    size = (tmp_path / "0.tar").stat().st_size
    files = {"5.webp": {"offset": 512, "size": 2000}, "6.webp": {"offset": 1024, "size": 2000}}
    (tmp_path / "0.json").write_text(json.dumps({"filesize": size, "files": files}))
    assert read_image(*location(tmp_path, 5)) == bytes(2000)
    with pytest.raises(UserError, match="no member of 2,000 bytes at byte 1,024"):
        read_image(*location(tmp_path, 6))


def test_of_two_members_of_one_name_the_later_is_taken(tmp_path):
    pack(tmp_path / "0.tar", {"5.webp": b"old"})
    with tarfile.open(tmp_path / "0.tar", "a") as archive:
        member = tarfile.TarInfo("5.webp")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"new"))
    assert read_image(*location(tmp_path, 5)) == b"new"


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
            list_images([str(tmp_path)], "{id}")


def test_scanned_members_are_those_of_the_index(tmp_path):
    pack(tmp_path / "0.tar", {"1.png": b"1", "2.png": b""})
    assert scan_tar(tmp_path / "0.tar") == {"1.png": {"offset": 512, "size": 1}, "2.png": {"offset": 1536, "size": 0}}
