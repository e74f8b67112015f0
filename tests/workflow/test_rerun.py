"""What runs again after an edit: the rules that the edit reaches."""

import os

import polars as pl
import pytest
from projects import Project

ALL_TARS = {"captions_tars": 1, "tags_tars": 1, "captions_tars_of_subset": 1, "tags_tars_of_subset": 1}
SUBSET = {"subset": 1, "captions_tars_of_subset": 1, "tags_tars_of_subset": 1}
AFTER_MERGE = {"meta_cap": 1, "captions_tars": 1, "meta_lat": 1, "missing_final": 1, **SUBSET, "manifest": 1}
PARSED = {"parse": 4, "fixed": 1, "failed": 1, **AFTER_MERGE}


def append_code(project: Project, *modules: str) -> None:
    """Append code to modules of the library."""
    for name in modules:
        path = project.folder / f"scripts/booruflow/{name}.py"
        path.write_text(path.read_text("utf-8") + "\nprint\n", "utf-8")


@pytest.mark.parametrize(
    ("module", "planned"),
    [
        ("products/checks/exports", {"manifest": 1}),
        ("products/tars", {**ALL_TARS, "manifest": 1}),
        ("products/subset", {**SUBSET, "manifest": 1}),
        ("sources/missing", {"missing": 1, "missing_final": 1, "shards": 1, "caption": 4, **PARSED}),
    ],
)
def test_an_edit_of_a_module_runs_the_rules_whose_scripts_import_it(built, module, planned):
    append_code(built, module)
    assert built.plan() == planned


def test_a_moved_project_writes_its_paths_again(built):
    built.configure(meta_lat__folder="")
    built.run("meta_lat")
    assert built.plan("meta_lat") == {}
    moved = Project(built.folder.rename(built.folder.with_name("moved")))
    assert moved.run("meta_lat").jobs == {"meta_lat": 1}
    assert str(moved.folder / "sample/images") in next(iter(moved.read("meta_lat.json")))


def test_an_input_that_is_replaced_by_one_with_an_older_time_is_noticed(built):
    for name, rules in (("metadata", {"posts": 1, "base_captions": 1}), ("captions", {"base_captions": 1})):
        path = built.folder / f"sample/{name}.parquet"
        before = path.read_bytes()
        pl.read_parquet(path).head(150).write_parquet(path)
        os.utime(path, (1, 1))
        assert built.plan("posts", "base_captions") == rules
        path.write_bytes(before)
        os.utime(path, (1, 1))
        assert built.plan("posts", "base_captions") == {}


def test_changed_code_generates_no_caption_again(built, without_torch):
    journal = built.journal()
    built.edit("scripts/booruflow/captioning/parsing/artist_sentence.py", 'return f"', "return 'So: ' + f\"")
    append_code(built, "captioning/caption", "captioning/engine")
    ran = built.run(**without_torch)
    assert ran.jobs == {"caption": 4, **PARSED}
    assert built.journal() == journal
    assert all(entry["caption"].startswith("So: The image") for entry in built.read("captions/good_1.json").values())


def test_another_number_of_shards_takes_every_caption_from_the_journal(built, sample, without_torch):
    built.configure(captions__shards=2)
    assert built.run("meta_cap", **without_torch).jobs == {"shards": 1, "caption": 2, "parse": 2, "fixed": 1, "meta_cap": 1}
    assert built.read("meta_cap.json") == sample.read("meta_cap.json")
    assert built.journal() == sample.journal()
    for n in range(2):
        assert '"captions": 0' in built.path(f"captions/stats_{n}.json").read_text()
    assert {path.name for path in built.path("missing").iterdir()} == {
        "missing.json", "split_0.json", "split_0.parquet", "split_1.json", "split_1.parquet"
    }  # fmt: skip

    built.configure(tars__count=4, subsets={})
    assert built.path("subsets/mirelle/meta_cap.json").exists()
    built.run()
    assert sorted(path.name for path in built.path("tars/captions").glob("*.tar")) == [f"000{n}.tar" for n in range(4)]
    assert not [name for name in built.products() if "_2." in name or "_3." in name or name.startswith("subsets")]
    assert set(built.read("manifest.json")["artifacts"]) == {
        name
        for name in built.products()
        if name != "manifest.json" and not name.startswith(("captions/raw", "captions/stats", "changes/"))
    }


def test_what_a_failed_run_left_undone_is_made_by_the_next_run_whatever_its_target(built, sample):
    fragile = 'if Path("fail").exists(): raise ValueError("no memory")'
    built.edit("scripts/tags_json.py", "snakemake.rule):", f"snakemake.rule):\n    from pathlib import Path\n    {fragile}")
    (built.folder / "fail").touch()
    for target in ("all", "tags_json"):
        assert "ValueError: no memory" in built.run(target, code=1).text
        assert not built.path("tags/meta_cap_dd.json").exists()
        plan = built.plan("meta_lat")
        assert plan["tags_json"] == plan["meta_lat"] == 1
    (built.folder / "fail").unlink()
    ran = built.run("meta_lat")
    assert ran.jobs["tags_json"] == 1 and "Data set in" not in ran.text
    built.run()
    assert built.products() == sample.products()
    assert built.plan() == {}
