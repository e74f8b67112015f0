"""What runs again after an edit: the rules that the edit reaches."""

import pytest
from projects import Project

ALL_TARS = {"captions_tars": 1, "tags_tars": 1, "subset_captions_tars": 1, "subset_tags_tars": 1}
SUBSET = {"subset": 1, "subset_captions_tars": 1, "subset_tags_tars": 1}
AFTER_MERGE = {"meta_cap": 1, "captions_tars": 1, "meta_lat": 1, "missing_final": 1, **SUBSET, "manifest": 1}
PARSED = {"parse": 4, "fixed": 4, **AFTER_MERGE}


def append_code(project: Project, *modules: str) -> None:
    """Append code to modules of the library."""
    for name in modules:
        path = project.folder / f"scripts/booruflow/{name}.py"
        path.write_text(path.read_text("utf-8") + "\nprint\n", "utf-8")


@pytest.mark.parametrize(
    ("module", "planned"),
    [
        ("products/checks", {"manifest": 1}),
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


def test_changed_code_generates_no_caption_again(built, without_torch):
    journal = built.journal()
    built.edit("scripts/booruflow/captioning/parsing/artist_sentence.py", 'return f"', "return 'So: ' + f\"")
    append_code(built, "captioning/caption", "captioning/engine")
    ran = built.run(**without_torch)
    assert ran.jobs == {"caption": 4, **PARSED}
    assert built.journal() == journal
    assert all(entry["caption"].startswith("So: The image") for entry in built.read("captions/good_1.json").values())


def test_another_number_of_shards_takes_every_caption_from_the_journal(built, sample, without_torch):
    (built.folder / "sample/edited/edited_2.json").rename(built.folder / "sample/edited/edited_0.json")
    built.configure(captions__shards=2)
    assert built.run("meta_cap", **without_torch).jobs == {"shards": 1, "caption": 2, "parse": 2, "fixed": 2, "meta_cap": 1}
    assert built.read("meta_cap.json") == sample.read("meta_cap.json")
    assert built.journal() == sample.journal()
    for n in range(2):
        assert '"captions": 0' in built.path(f"captions/stats_{n}.json").read_text()


def test_what_a_failed_run_left_undone_is_made_by_the_next_run_whatever_its_target(built):
    fragile = 'raise ValueError("no memory") if Path("fail").exists() else None'
    built.edit("scripts/tags_json.py", "snakemake.rule):", f"snakemake.rule):\n    from pathlib import Path; {fragile}")
    (built.folder / "fail").touch()
    assert "ValueError: no memory" in built.run(code=1).text
    assert not built.path("tags/meta_cap_dd.json").exists()
    (built.folder / "fail").unlink()
    plan = built.plan("meta_lat")
    assert plan["tags_json"] == plan["meta_lat"] == 1
