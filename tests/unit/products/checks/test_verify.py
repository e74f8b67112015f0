import os
from pathlib import Path

import pytest

from booruflow.core.errors import UserError
from booruflow.core.files import sha256_of
from booruflow.products.built import DAMAGED, read_records, record_outputs, state_of
from booruflow.products.checks.verify import verify
from booruflow.products.manifest import write_manifest

NAMES = ["captions/good_0.json", "meta_cap.json", "tars/tags/0000.tar"]
UNLISTED = ["captions/raw_0.jsonl", "captions/stats_0.json", "changes/changes.parquet"]
RECORDS = Path("products.tsv")


@pytest.fixture(autouse=True)
def products(tmp_path, monkeypatch):
    """Products, recorded and in a manifest, of which one is always wrong, so that the consistency checks do not run."""
    monkeypatch.chdir(tmp_path)
    for name in [*NAMES, *UNLISTED]:
        path = Path("results", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
        record_outputs(RECORDS, [str(path)])
    artifacts = {name: {"size": Path("results", name).stat().st_size, "sha256": sha256_of(f"results/{name}")} for name in NAMES}
    artifacts |= {"gone.json": {"size": 1, "sha256": "a"}}
    write_manifest("results/manifest.json", {"posts": 1}, artifacts, {"image_name": "{id}", "text": {"variants": []}})
    record_outputs(RECORDS, ["results/manifest.json"])


def problems(capsys):
    with pytest.raises(UserError, match=r"^\d+ products? not as built: run `snakemake`, which builds what differs again$"):
        verify(Path("results"), RECORDS, 2)
    named = capsys.readouterr().err.splitlines()
    assert all(line.startswith("warning: ") for line in named), "the console shows these"
    lines = dict(line.removeprefix("warning: ").split(": ", 1) for line in named)
    assert lines.pop("results/gone.json") == "missing"
    return lines


def test_products_as_they_were_built_are_not_named(capsys):
    assert problems(capsys) == {}


@pytest.mark.parametrize("name", [*NAMES, *UNLISTED])
def test_damaged_products_are_named_and_marked(capsys, name):
    path = Path("results", name)
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_bytes(b"C" + path.read_bytes()[1:])
    os.utime(path, ns=times)
    assert problems(capsys) == {f"results/{name}": "changed"}
    records = read_records(RECORDS)
    assert records[f"results/{name}"] == records["results/manifest.json"] == DAMAGED
    path.unlink()
    assert problems(capsys)[f"results/{name}"] == "missing"


def test_a_product_that_was_cut_one_left_over_and_one_built_later(capsys):
    os.truncate("results/meta_cap.json", 3)
    Path("results/tars/tags/0999.tar").touch()
    good = Path("results/captions/good_0.json")
    good.write_text("other")
    os.utime(good, ns=(0, state_of("results/manifest.json").time + 1))
    record_outputs(RECORDS, [str(good)])
    assert problems(capsys) == {
        "results/meta_cap.json": "cut",
        "results/tars/tags/0999.tar": "left over from an earlier setting",
        str(good): "built again after the manifest",
    }


def test_without_a_manifest_the_data_set_is_to_be_built_first():
    Path("results/manifest.json").unlink()
    with pytest.raises(UserError, match=r"^results/manifest\.json: not there: build the data set with `snakemake` first$"):
        verify(Path("results"), RECORDS, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"text":{"variants":[]}', '"text":[7]'),
        ('"text":{"variants":[]},\n', ""),
        ('"image_name":"{id}"', '"image_name":null'),
        ('"posts":1', '"posts":2'),
        ('"artifacts":', '"artefacts":'),
        ("}\n", ""),
    ],
)
def test_a_manifest_that_was_changed_is_named(capsys, before, after):
    path = Path("results/manifest.json")
    text = path.read_text()
    path.write_text(text.replace(before, after))
    assert path.read_text() != text
    with pytest.raises(UserError, match=r"^1 product not as built: "):
        verify(Path("results"), RECORDS, 1)
    assert capsys.readouterr().err == "warning: results/manifest.json: damaged, or of an earlier version\n"
    assert read_records(RECORDS)["results/manifest.json"] == DAMAGED


def test_a_manifest_with_texts_of_an_earlier_version_is_named(capsys):
    artifacts = {name: {"size": Path("results", name).stat().st_size, "sha256": sha256_of(f"results/{name}")} for name in NAMES}
    write_manifest("results/manifest.json", {}, artifacts, {"image_name": "{id}", "text": {"separator": ", "}})
    RECORDS.unlink()
    with pytest.raises(UserError, match=r"^1 product not as built: "):
        verify(Path("results"), RECORDS, 1)
    assert capsys.readouterr().err == "warning: results/manifest.json: of an earlier version\n"
