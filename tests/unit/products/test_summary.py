import subprocess
import sys
from pathlib import Path

import pytest

from booruflow.core.errors import UserError
from booruflow.products.manifest import write_manifest
from booruflow.products.summary import print_changes, print_summary, read_counts, write_counts


def test_the_counts_are_printed_one_a_line(tmp_path, capsys):
    path = tmp_path / "manifest.json"
    write_manifest(path, {"posts": 8005010, "of_these_tags_alone": 7}, {"b": {"size": 2, "sha256": "b", "entries": 3}}, {})
    print_summary(path)
    assert capsys.readouterr().out.splitlines() == [
        f"Data set in {tmp_path}/", "  posts                 8,005,010", "    with tags alone             7",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"summary":{}}', '{"summary":{"posts":"x"},"artifacts":{}}', '{"summary":[],"artifacts":{}}']
)
def test_a_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=r"manifest\.json: damaged, or of an earlier version: delete it and run `snakemake`"):
        print_summary(tmp_path / "manifest.json")


def test_counts_are_read_as_they_were_written(tmp_path):
    counts = {"good": 3, "captions": 0}
    write_counts(tmp_path / "counts.json", counts)
    assert list(read_counts(tmp_path / "counts.json").items()) == list(counts.items())


@pytest.mark.parametrize("text", ["", "[1]", "7", '{"good": "3"}', '{"good": true}', "[" * 100_000])
def test_damaged_counts_are_named(tmp_path, text):
    (tmp_path / "counts.json").write_text(text)
    with pytest.raises(UserError, match=r"counts\.json: damaged: delete it"):
        read_counts(tmp_path / "counts.json")


def test_changes_are_one_line_unless_there_was_nothing_to_compare_with(tmp_path, capsys):
    counts = {"posts_before": 9, "posts": 1_009, "new": 1_000, "gone": 0}
    for posts_before in (9, 0):
        write_counts(tmp_path / "counts.json", counts | {"posts_before": posts_before})
        print_changes(tmp_path / "counts.json")
    print_changes(tmp_path / "absent.json")
    assert capsys.readouterr().out == f"Last change of the posts: 1,000 new, 0 gone (see {tmp_path}/changes.txt)\n"


def test_it_loads_no_data_library():
    modules = "booruflow.products.built, booruflow.products.summary, booruflow.report.overview.settings"
    code = f"import sys, {modules}; print([m for m in ('polars', 'pyarrow', 'numpy', 'tqdm') if m in sys.modules])"
    scripts = Path(__file__).parents[3] / "scripts"
    result = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(scripts)}, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
