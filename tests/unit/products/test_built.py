import os
from pathlib import Path

import pytest

from booruflow.core.errors import UserError
from booruflow.core.files import sha256_of
from booruflow.products import built
from booruflow.products.built import (
    DAMAGED,
    add_records,
    changes,
    compact_records,
    read_records,
    record_outputs,
    require_unchanged,
    settle,
    state_of,
)
from booruflow.products.manifest import write_manifest

PATHS = ["results/good_0.json", "results/0001.tar", "results/split é.json"]
MANIFEST = "results/manifest.json"
RECORDS = Path("records/products.tsv")


@pytest.fixture(params=[1000, 0], ids=["hashed at once", "hashed for the manifest"])
def products(tmp_path, monkeypatch, request):
    """The paths of products with their records, and a manifest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(built, "MAX_HASHED", request.param)
    Path("results").mkdir()
    for path in PATHS:
        Path(path).write_text(f"content of {path}")
    record_outputs(RECORDS, [*PATHS, "results/absent.json", "results"])
    artifacts = {Path(path).name: {"size": Path(path).stat().st_size, "sha256": sha256_of(path)} for path in PATHS}
    write_manifest(MANIFEST, {"posts": 1}, artifacts, {})
    record_outputs(RECORDS, [MANIFEST])
    return PATHS


def changed():
    return changes(PATHS, read_records(RECORDS), MANIFEST)


def test_products_as_they_were_built(products):
    assert changed() == ({}, {})
    assert set(read_records(RECORDS)) == {*PATHS, MANIFEST}
    require_unchanged(PATHS, RECORDS, MANIFEST)


def test_records_edited_by_hand_are_read_where_they_are_whole(products):
    before = read_records(RECORDS)
    odd = ["", "path", "size\ttime\tsha256\tpath", "1\t2\t\ta\tb", f"1\t{'9' * 20}\t\ta", f"{'9' * 5000}\t1\t\ta", "٣\t1\t\ta"]
    with RECORDS.open("ab") as file:
        file.write("\n".join(["", *odd, "3\t4\t\tb"]).encode() + b"\n\xff\t")
    assert read_records(RECORDS) == before | {"b": (3, 4, "")}


@pytest.mark.parametrize("read", [lambda: read_records(RECORDS), lambda: state_of(RECORDS)])
def test_a_file_that_the_system_does_not_show_is_named(products, read):
    RECORDS.unlink()
    RECORDS.symlink_to(RECORDS.name)
    with pytest.raises(
        UserError, match=r"^records/products\.tsv: cannot be read \(Too many levels of symbolic links\): delete it"
    ):
        read()


def replace_a_byte(path):
    path.write_bytes(b"x" + path.read_bytes()[1:])


def cut_and_keep_the_time(path):
    status = path.stat()
    os.truncate(path, 3)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Path.unlink, "is missing"),
        (replace_a_byte, "has changed since it was built"),
        (lambda path: os.truncate(path, 3), "has changed since it was built"),
        (cut_and_keep_the_time, "has changed since it was built"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "has changed since it was built"),
    ],
)
def test_a_product_that_is_missing_or_changed_is_named(products, path, change, text):
    change(Path(path))
    assert changed() == ({path: text}, {})
    with pytest.raises(UserError, match=f"{path} {text}, during this run: run `snakemake` again"):
        require_unchanged(PATHS, RECORDS, MANIFEST)


def test_a_product_that_was_only_touched_gets_its_time_back(products):
    before = state_of(PATHS[1])
    Path(PATHS[1]).touch()
    nothing, touched = changed()
    assert (nothing, list(touched)) == ({}, [PATHS[1]])
    settle(RECORDS, touched)
    assert state_of(PATHS[1]) == before
    assert changed() == ({}, {})


def test_the_digests_of_a_manifest_that_is_older_or_changed_do_not_count(products):
    record_outputs(RECORDS, [])
    for path in PATHS:
        add_records(RECORDS, {path: state_of(path)})
    future = state_of(MANIFEST).time + 10**9
    os.utime(PATHS[0], ns=(future, future))
    add_records(RECORDS, {PATHS[0]: state_of(PATHS[0])})  # built after the manifest
    Path(PATHS[0]).touch()
    Path(PATHS[1]).touch()
    assert changed()[0] == {PATHS[0]: "has changed since it was built"}
    Path(MANIFEST).touch()
    assert set(changed()[0]) == {PATHS[0], PATHS[1]}


def test_a_product_that_was_found_damaged_is_named_until_its_content_is_right(products):
    content = Path(PATHS[0]).read_bytes()
    replace_a_byte(Path(PATHS[0]))
    add_records(RECORDS, {PATHS[0]: DAMAGED})
    assert list(changed()[0]) == [PATHS[0]]
    Path(PATHS[0]).write_bytes(content)
    assert changed()[0] == {}
    settle(RECORDS, changed()[1])
    assert changed() == ({}, {})


def test_products_without_a_record_are_taken_as_they_are(products):
    RECORDS.unlink()
    Path(PATHS[0]).unlink()
    assert changed() == ({}, {})


@pytest.mark.parametrize("end", [b"12", b"12\t34", b"12\t34\tabc", b"12\t34\tabc\tresu", b"x\t\xff\t\t"])
def test_a_line_that_a_kill_cut_off_does_not_count(products, end):
    before = read_records(RECORDS)
    with RECORDS.open("ab") as file:
        file.write(b"\n" + end)
    add_records(RECORDS, {PATHS[2]: DAMAGED})
    after = read_records(RECORDS)
    after.pop("resu", None)
    assert after == before | {PATHS[2]: DAMAGED}


def test_records_are_compacted(products):
    add_records(RECORDS, read_records(RECORDS))
    before = read_records(RECORDS)
    compact_records(RECORDS)
    assert read_records(RECORDS) == before
    assert len(RECORDS.read_text().splitlines()) == len(before)
    compact_records(Path("absent"))
    assert not Path("absent").exists()
