"""Targets by file and by rule name, and the output of a dry run."""

import re
import shutil

import pytest

from booruflow.core.errors import counted_noun


def test_a_second_run_has_nothing_to_do(built):
    assert "Nothing to be done" in built.run().text


@pytest.mark.parametrize(
    ("target", "product", "rules"),
    [
        ("tags_json", "tags/meta_cap_dd.json", {"tags_json"}),
        ("results/meta_cap.json", "meta_cap.json", {"meta_cap"}),
        (
            "subset_mirelle",
            "subsets/mirelle/meta_lat.json",
            {"subset", "captions_tars_of_subset", "tags_tars_of_subset"},
        ),
    ],
)
def test_only_a_deleted_product_is_built_again(built, target, product, rules):
    before = built.products()
    built.path(product).unlink()
    ran = built.run(target)
    target_rules = {"tars", "subset_mirelle"}
    assert set(ran.jobs) - target_rules == rules
    assert built.products() == before


def test_a_misspelt_target_is_answered_with_the_nearest(make_project):
    project = make_project(captions__generate=False)
    for target, meant in (("meta_latt", "meta_lat"), ("results/meta_lat.jsn", "results/meta_lat.json")):
        line = f"error: {target}: no rule, and no file that a rule makes; did you mean {meant}?"
        assert project.run(target, code=1).errors == [line]


def test_the_edit_list_is_made_on_request_and_a_copy_of_it_edits_nothing(built, sample):
    assert "edit_list" not in sample.console()
    built.path("edit_list").mkdir()
    built.path("edit_list/edited_7.json").write_text("{}")  # of an earlier number of shards
    built.run("edit_list")
    assert sorted(path.name for path in built.path("edit_list").iterdir()) == [f"edited_{n}.json" for n in range(4)]
    total = 0
    for n in range(4):
        edit_list, bad, fixed = (
            built.read(name) for name in (f"edit_list/edited_{n}.json", f"captions/bad_{n}.json", f"captions/fixed_{n}.json")
        )
        assert all(len(entry.pop("digest")) == 16 for entry in edit_list.values())
        assert edit_list == {post: entry for post, entry in bad.items() if post not in fixed}
        total += len(edit_list)
        shutil.copy(built.path(f"edit_list/edited_{n}.json"), built.folder / f"edited/copy of {n}.json")
    assert total
    ran = built.run("meta_cap")
    assert ran.jobs == {"fixed": 1, "meta_cap": 1}
    copies, bad = counted_noun(total, "entry", "entries"), counted_noun(total, "bad answer")
    found = f" s: 2 edits used, {copies} not edited yet, {bad} without an edit; edits take the place of: 2 bad\n"
    assert found in ran.text
    assert built.read("meta_cap.json") == sample.read("meta_cap.json")

    edited = next(path for path in built.path("edit_list").iterdir() if "digest" in path.read_text())
    edited.write_text(edited.read_text().replace('"text":"', '"text":"Typed here. ', 1))
    line = f"{edited.relative_to(built.folder)}: edited (id "
    assert any(text.startswith(line) for text in built.run("edit_list", code=1).text.splitlines())
    assert "Typed here." in edited.read_text()


def test_a_dry_run_prints_one_line_for_each_job(make_project):
    ran = make_project().run("-n")
    text = ran.text
    assert "This was a dry-run" in text
    jobs = re.findall(r"^Job \d+: (.*)$", text, re.MULTILINE)
    assert len(jobs) == len(set(jobs)) == 1 + sum(ran.jobs.values()) > 28
    assert {
        "Captions of shard 3: parse the outputs",
        "Tags JSON: write one line of tags per post",
        "Subset mirelle: select its posts",
    } <= set(jobs)
    assert text.count(".tar") == 0, "thousands of tars are not listed"
    assert len(text.splitlines()) < 150 and max(map(len, text.splitlines())) < 500


@pytest.mark.parametrize(
    "product",
    [
        "subsets/mirele/meta_cap.json",
        "exports/lora/README.md",
        "trial/short/raw.jsonl",
        "captions/short/raw_0.jsonl",
        "meta_cap_short.json",
        "converted/captions_7.parquet",
    ],
)
def test_a_product_of_a_name_that_the_config_lacks_is_no_target(make_project, product):
    ran = make_project().run(f"results/{product}", code=1)
    assert len(ran.errors) == 1
    assert ran.errors[0].startswith(f"error: results/{product}: no rule, and no file that a rule makes; ")
    assert "Traceback" not in ran.text and "Error:" not in ran.text


def test_further_styles_and_traits_have_jobs_of_their_own(make_project):
    rules = {"traits", "caption_style", "parse_style", "style_captions"}
    assert not rules & make_project("plain").plan().keys()
    changes = {
        "captioner__profile": "toriigate-0.5",
        "captioner__styles": ["chroma-style", "short"],
        "captioner__grounding": True,
    }
    planned = make_project("styled", **changes).plan()
    # of four shards; meta_cap_short.json and three captions of chroma-style beside the first
    assert {rule: planned[rule] for rule in rules} == {"traits": 1, "caption_style": 4, "parse_style": 4, "style_captions": 4}
