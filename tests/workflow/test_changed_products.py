"""Products that are cut, changed, deleted, touched or left over after the build: named by verify, or built again."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import Project

from booruflow.core.errors import UserError
from booruflow.products.built import changes, read_records, record_outputs
from booruflow.products.checks.verify import verify

RECORDS = Path(".snakemake/products.tsv")


@pytest.fixture
def names(built: Project, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All products but the manifest, as paths in the folder of the data set, which is the current one.

    The posts that are kept for the next comparison are no product: it notices itself that they are damaged.
    """
    monkeypatch.chdir(built.folder)
    return [f"results/{name}" for name in built.products() if name != "manifest.json" and not name.startswith("changes/kept/")]


def verified(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What verify names, and what it says of each."""
    capsys.readouterr()
    try:
        verify(Path("results"), RECORDS, 2)
    except UserError as error:
        assert re.search(r"^\d+ products? not as built: run `snakemake`", str(error))
    lines = capsys.readouterr().err.splitlines()
    return dict(line.removeprefix("warning: ").split(": ", 1) for line in lines if line.startswith("warning: "))


def change_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize("damage", [change_the_middle, cut, Path.unlink])
def test_every_product_that_is_damaged_is_named_and_planned(names, damage: Callable[[Path], None], capsys):
    assert verified(capsys) == {}
    for name in names:
        damage(Path(name))
    assert set(changes(names, read_records(RECORDS), "results/manifest.json")[0]) == set(names)
    assert set(verified(capsys)) == set(names)


def kind_of(name: str) -> str:
    return re.sub(r"\d+", "0", name)


def test_a_byte_that_changed_behind_the_same_time_is_named_and_then_planned(names, capsys):
    one_of_each_kind = {kind_of(name): name for name in [*names, "results/manifest.json"]}
    assert len(one_of_each_kind) > 40
    records = RECORDS.read_bytes()
    for name in one_of_each_kind.values():
        path = Path(name)
        before, times = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        change_the_middle(path)
        os.utime(path, ns=times)
        assert name in verified(capsys)
        assert name in changes([*names, name], read_records(RECORDS), "results/manifest.json")[0]
        path.write_bytes(before)
        os.utime(path, ns=times)
        RECORDS.write_bytes(records)
    assert verified(capsys) == {}


def test_what_was_changed_cut_or_deleted_is_built_again_and_what_was_touched_is_not(built, sample, names):
    for name in names:
        Path(name).touch()
    assert built.plan() == {}
    built.path("captions/good_1.json").write_text(built.path("captions/good_1.json").read_text().replace("The ", "My "))
    built.path("tags/meta_cap_dd.json").write_text(built.path("tags/meta_cap_dd.json").read_text().replace("1girl", "2girls"))
    built.path("meta_cap.json").write_text(built.path("meta_cap.json").read_text().replace('{"caption":', '{"caption": '))
    built.path("missing/split_0.json").unlink()
    cut(built.path("tars/captions/0001.tar"))
    ran = built.run()
    assert {"tags_json", "shards", "parse", "meta_cap", "captions_tars"} <= set(ran.jobs)
    for change in ("captions/good_1.json has changed since it was built", "missing/split_0.json is missing"):
        assert f"results/{change}: its job runs again" in ran.text
    assert built.products() == sample.products()
    for _ in range(2):
        verified_run = built.run("verify")
        assert verified_run.jobs == {"verify": 1} and "products are as they were built" in verified_run.text
    assert "Data set in" not in verified_run.text, "no counts of an earlier run"
    assert built.plan() == {}


def test_verify_names_what_is_wrong_and_fails(built):
    change_the_middle(built.path("tars/tags/0003.tar"))
    ran = built.run("verify", code=1)
    assert "[verify] warning: results/tars/tags/0003.tar: changed" in ran.text
    assert ran.errors == ["error: 1 product not as built: run `snakemake`, which builds what differs again"]
    assert built.plan() == {"tags_tars": 1, "manifest": 1}


def test_verify_goes_by_the_settings_of_the_build_and_beside_other_targets_waits_for_them(built, sample):
    built.configure(inputs__image_name="{id}_{md5}")
    assert "products are as they were built" in built.run("verify").text
    built.configure(inputs__image_name=sample.config["inputs"]["image_name"])
    built.path("tokens/lengths.svg").unlink()
    built.path("meta_lat.jsonl").write_text("{}")
    ran = built.run("verify", "all", "report", cores=8)
    assert {"token_plots", "meta_lat", "manifest", "report", "verify"} <= set(ran.jobs)
    assert "products are as they were built" in ran.text
    assert built.plan("verify") == {"verify": 1}


def test_a_check_that_fails_leaves_the_files_of_the_trainer(built, monkeypatch):
    monkeypatch.chdir(built.folder)
    trainer = [built.path("meta_lat.json"), *built.path("tars/captions").iterdir()]
    before = [path.read_bytes() for path in trainer]
    good = built.path("captions/good_1.json")
    good.write_text(good.read_text().replace('{\n"', '{\n"1": {"caption":"of no shard"},\n"', 1))
    record_outputs(RECORDS, ["results/captions/good_1.json"])  # as if the rule had written it
    ran = built.run(code=1)
    assert ran.errors == [
        "error: check failed: each id of shard split_1 is in exactly one of good, bad, skipped and failed; not so for id"
        " 1 and 0 more: rebuild with --forceall"
    ]
    assert [path.read_bytes() for path in trainer] == before
