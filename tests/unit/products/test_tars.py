import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import polars as pl
import pytest
from cheesechaser_pool import local_pool
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.products.tar_index import read_index
from booruflow.products.tars import tar_name, tar_texts, write_tars

SCRIPTS = Path(__file__).parents[3] / "scripts"
POSTS = st.dictionaries(st.integers(0, 2**62), st.text() | st.text("añ字🎨\0\n", max_size=3).map(lambda s: s * 700))


def frames(posts, rows=3):
    frame = pl.DataFrame(
        {"id": sorted(posts), "text": [posts[i] for i in sorted(posts)]}, schema={"id": pl.Int64, "text": pl.String}
    )
    return frame.iter_slices(rows)


def reference_tar(posts, number, count, suffix="caption"):
    """A tar as the standard tarfile writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for post in sorted(posts):
            if post % count == number:
                text = posts[post].encode()
                member = tarfile.TarInfo(f"{post}.{suffix}")
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text))
    return out.getvalue()


def digest(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if file.is_file()}


@settings(deadline=None, max_examples=60)
@given(posts=POSTS, count=st.sampled_from([1, 3, 7]), rows=st.integers(1, 5), round_bytes=st.integers(1, 20_000))
def test_tars_equal_those_of_tarfile(tmp_path_factory, posts, count, rows, round_bytes):
    folder = tmp_path_factory.mktemp("tars")
    write_tars(folder, frames(posts, rows), "caption", count, round_bytes=round_bytes)
    assert {file.name for file in folder.iterdir()} == {f"{n:04d}.{kind}" for n in range(count) for kind in ("tar", "json")}
    for number in range(count):
        data = (folder / f"{number:04d}.tar").read_bytes()
        assert data == reference_tar(posts, number, count)
        index = json.loads((folder / f"{number:04d}.json").read_bytes())
        assert index["filesize"] == len(data)
        assert index["hash"] == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        assert index["hash_lfs"] == hashlib.sha256(data).hexdigest()
        assert list(index["files"]) == [f"{post}.caption" for post in sorted(posts) if post % count == number]
        for name, place in index["files"].items():
            text = data[place["offset"] : place["offset"] + place["size"]]
            assert text.decode() == posts[int(name.split(".")[0])]
            assert place["sha256"] == hashlib.sha256(text).hexdigest()


def test_indexes_equal_those_of_hfutils(tmp_path):
    index = pytest.importorskip("hfutils.index", reason="hfutils is not installed")
    posts = {1: "one", 12: "", 1001: "\n" * 5000, 2001: "字", 2**62: "far"}
    write_tars(tmp_path / "ours", frames(posts), "txt", 1000)
    for number in (1, 2, 12):  # with several posts, with none, with an empty text
        tar = tmp_path / "ours" / f"{number:04d}.tar"
        theirs = index.tar_create_index(str(tar), str(tmp_path / "theirs.json"), silent=True)
        assert tar.with_suffix(".json").read_bytes() == Path(theirs).read_bytes()
    assert index.tar_list_files(str(tmp_path / "ours/0001.tar")) == ["1.txt", "1001.txt", "2001.txt"]
    index.tar_file_download(str(tmp_path / "ours/0001.tar"), "2001.txt", str(tmp_path / "2001.txt"))
    assert (tmp_path / "2001.txt").read_text(encoding="utf-8") == "字"


def test_cheesechaser_reads_them(tmp_path, monkeypatch):
    write_tars(tmp_path / "captions", frames({5: "a", 1005: "b", 7: "c"}), "caption", 1000)
    pool = local_pool(tmp_path, "captions", monkeypatch)
    pool.batch_download_to_directory([1005, 7], str(tmp_path / "found"), silent=True)
    assert {file.name: file.read_text() for file in (tmp_path / "found").iterdir()} == {"1005.caption": "b", "7.caption": "c"}


def test_webdataset_reads_them(tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed")
    write_tars(tmp_path, frames({5: "a, b", 15: "c"}), "txt", 10)
    dataset = webdataset.WebDataset(str(tmp_path / "0005.tar"), shardshuffle=False).decode()
    assert [(sample["__key__"], sample["txt"]) for sample in dataset] == [("5", "a, b"), ("15", "c")]


def test_bytes_do_not_depend_on_frames_and_rounds(tmp_path):
    posts = {post: f"{post} " * (post % 400) for post in range(0, 9000, 7)}
    settings = [(1, 1), (10, 100_000), (10_000, 1 << 27)]
    folders = []
    for rows, round_bytes in settings:
        folders.append(tmp_path / str(rows))
        write_tars(folders[-1], frames(posts, rows), "caption", 20, round_bytes=round_bytes)
    assert digest(folders[0]) == digest(folders[1]) == digest(folders[2])


def test_binary_texts_and_empty_frames(tmp_path):
    schema = {"id": pl.Int64, "text": pl.Binary}
    empty = pl.DataFrame(schema=schema)
    write_tars(tmp_path, [empty, pl.DataFrame({"id": [3], "text": [b"\xff\0"]}, schema=schema), empty], "bin", 2)
    with tarfile.open(tmp_path / "0001.tar") as tar:
        assert tar.extractfile("3.bin").read() == b"\xff\0"
    with tarfile.open(tmp_path / "0000.tar") as tar:
        assert tar.getnames() == []


def test_old_tars_are_replaced_and_other_files_kept(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write_tars(tmp_path, frames({1: "old", 2: "old"}), "txt", 2)
    write_tars(tmp_path, frames({1: "new"}), "txt", 2)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "0000.tar").read_bytes() == reference_tar({}, 0, 2)
    assert (tmp_path / "0001.tar").read_bytes() == reference_tar({1: "new"}, 1, 2, "txt")
    assert not (tmp_path / ".part").exists()


def test_tars_of_an_earlier_greater_number_are_removed(tmp_path):
    (tmp_path / "00000.tar").write_text("mine")
    write_tars(tmp_path, frames(dict.fromkeys(range(20), "old")), "txt", 20)
    write_tars(tmp_path, frames({1: "new"}), "txt", 2)
    assert {path.name for path in tmp_path.iterdir()} == {"0000.tar", "0000.json", "0001.tar", "0001.json", "00000.tar"}


def test_captions_are_on_one_line_and_tags_as_they_are():
    texts = {1: " One\r\n\ntwo\u2028three\tfour ", 2: "\n \u3000", 3: 'say "a"\n b', 4: "plain ||| x"}
    for member, expected in (("caption", {1: "One two three four", 3: 'say "a" b', 4: "plain | | | x"}), ("tags", texts)):
        values = [json.dumps({member: text}, separators=(",", ":")) for text in texts.values()]
        rows = pl.concat(tar_texts([pl.DataFrame({"id": list(texts), "value": values})], member))
        assert dict(rows.iter_rows()) == expected


@pytest.mark.parametrize("ids", [[2, 2], [2, 1], [-1, 2]])
@pytest.mark.parametrize("rows", [1, 2])
def test_ids_must_ascend(tmp_path, ids, rows):
    write_tars(tmp_path, frames({1: "old"}), "txt", 2)
    before = digest(tmp_path)
    with pytest.raises(UserError, match=r"post \S+ comes after post"):
        write_tars(tmp_path, pl.DataFrame({"id": ids, "text": ["a", "b"]}).iter_slices(rows), "txt", 2)
    assert digest(tmp_path) == before


def test_a_suffix_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(ValueError):
        write_tars(tmp_path, frames({1: "a"}), "x" * 90, 2)


def test_the_tar_of_a_post():
    assert [tar_name(8001, 1000), tar_name(999, 1000), tar_name(10, 7)] == ["0001.tar", "0999.tar", "0003.tar"]


def child(code, folder, **options):
    program = f"import sys, polars as pl\nfrom booruflow.products.tars import write_tars\nfolder = {str(folder)!r}\n{code}"
    return subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(SCRIPTS)}, **options)


def test_a_killed_writer_leaves_the_old_tars(tmp_path):
    posts = {post: str(post) for post in range(3000)}
    write_tars(tmp_path, frames(posts, 1000), "txt", 50)
    before = digest(tmp_path)
    code = """
def endless():
    post = 0
    while True:
        yield pl.DataFrame({"id": range(post, post + 1000), "text": ["other"] * 1000})
        post += 1000
write_tars(folder, endless(), "txt", 50, round_bytes=1 << 20)
"""
    writer = child(code, tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any((tmp_path / ".part").glob("*.tar")):
        assert writer.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert list((tmp_path / ".part").iterdir())
    assert digest(tmp_path) == before
    write_tars(tmp_path, frames(posts, 77), "txt", 50)
    assert digest(tmp_path) == before


def test_few_files_are_open_at_once(tmp_path):
    code = 'write_tars(folder, [pl.DataFrame({"id": range(2000), "text": ["a"] * 2000})], "txt", 1000)'
    limit = 64
    writer = child(
        code, tmp_path, stderr=subprocess.PIPE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    )
    _, errors = writer.communicate(timeout=60)
    assert writer.returncode == 0, errors.decode()
    assert len(list(tmp_path.glob("*.tar"))) == 1000


def test_a_full_disk_is_reported_and_leaves_the_old_tars(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small tmpfs cannot be mounted here (needs root)")
    try:
        folder = disk / "captions"
        write_tars(folder, frames({1: "old"}), "txt", 4)
        before = digest(folder)
        rows = pl.DataFrame({"id": range(200), "text": ["x" * 50_000] * 200})
        with pytest.raises(UserError, match=r"captions/.*\d{4}\.tar: cannot be written \(No space left on device\)"):
            write_tars(folder, rows.iter_slices(10), "txt", 4, round_bytes=1 << 20)
        assert digest(folder) == before
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("blocked", ["", "captions"])
def test_a_folder_that_cannot_be_created_is_reported(tmp_path, blocked):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.*cannot be written"):
        write_tars(tmp_path / "file" / blocked, frames({1: "a"}), "txt", 1)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"hash_lfs": 7, "files": {}}', '{"hash_lfs": "a", "files": []}', '{"files": ' + "[" * 300]
)
def test_a_damaged_index_is_named(tmp_path, text):
    (tmp_path / "0000.json").write_text(text)
    with pytest.raises(UserError, match=r"0000\.json: damaged: delete it and run `snakemake` again$"):
        read_index(tmp_path / "0000.tar")
