"""Building parts by file and by short name, and what is printed before and about a run."""

import re

import pytest


def test_one_command_builds_and_the_next_does_nothing(built):
    assert "Nothing to be done" in built.run().text


@pytest.mark.parametrize(
    ("target", "product", "rules"),
    [
        ("tags_json", "tags/meta_cap_dd.json", {"tags_json"}),
        ("results/meta_cap.json", "meta_cap.json", {"meta_cap"}),
        (
            "subset_mirelle",
            "subsets/mirelle/meta_lat.json",
            {"subset", "subset_mirelle_captions_tars", "subset_mirelle_tags_tars"},
        ),
    ],
)
def test_a_deleted_product_is_built_again_alone(built, target, product, rules):
    before = built.products()
    built.path(product).unlink()
    ran = built.run(target)
    collective = {"tars", "subset_mirelle"}
    assert set(ran.jobs) - collective == rules
    assert built.products() == before


def test_a_list_to_edit_is_made_on_request(built, sample):
    assert "edit_list" not in sample.console()
    built.run("edit_list")
    total = 0
    for n in range(4):
        listed, bad, fixed = (
            built.read(name) for name in (f"edit_list/edited_{n}.json", f"captions/bad_{n}.json", f"captions/fixed_{n}.json")
        )
        assert listed == {post: entry for post, entry in bad.items() if post not in fixed}
        total += len(listed)
    assert total


def test_a_dry_run_prints_a_line_a_job(make_project):
    ran = make_project().run("-n")
    text = ran.text
    assert "This was a dry-run" in text
    jobs = re.findall(r"^Job \d+: (.*)$", text, re.MULTILINE)
    assert len(jobs) == len(set(jobs)) == 1 + sum(ran.jobs.values()) > 28
    assert {"Captions of shard 3: good or bad", "Tags JSON: one line of tags per post", "Subset mirelle"} <= set(jobs)
    assert text.count(".tar") == 0, "no list of a thousand tars"
    assert len(text.splitlines()) < 150 and max(map(len, text.splitlines())) < 500
