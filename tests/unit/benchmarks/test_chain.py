import sys

import pytest
from chain import RULES, Usage, measure, rule_usage, stage_usage, table_row
from naive import STAGES


def test_the_stages_are_those_of_the_baseline():
    assert list(RULES) == list(STAGES)


def test_a_command_is_measured_with_its_child_processes(tmp_path):
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(200 << 20)'], check=True); print('done')"
    usage = measure([sys.executable, "-c", code], tmp_path / "log")
    assert 200 < usage.memory < 400
    assert usage.seconds > 0
    assert (tmp_path / "log").read_text() == "done\n"


def test_a_failing_command_stops_with_its_output(tmp_path):
    with pytest.raises(SystemExit, match=r"exit status 3\nno room"):
        measure([sys.executable, "-c", "import sys; print('no room'); sys.exit(3)"], tmp_path / "log")


@pytest.mark.parametrize(("memory", "expected"), [("123.5", 123.5), ("-", 0), ("NA", 0)])
def test_benchmark_files_of_snakemake_are_read(tmp_path, memory, expected):
    path = tmp_path / "posts.tsv"
    path.write_text(f"s\th:m:s\tmax_rss\tmax_vms\n1.5\t0:00:01\t{memory}\t1\n")
    assert rule_usage(path) == Usage(1.5, expected)


def test_a_stage_adds_the_seconds_of_its_rules_and_keeps_the_greatest_memory():
    rules = {"posts": Usage(1, 300), "tags_json": Usage(2, 200), "meta_cap": Usage(5, 900)}
    assert stage_usage(rules, "tags_json") == Usage(3, 300)
    assert stage_usage(rules, "missing") == Usage(0, 0)


def test_a_row_of_the_table_ends_with_the_ratio():
    assert table_row("tars", 1000, Usage(2, 100), Usage(30, 5000)) == "| tars | 2.0 | 500 | 100 | 30.0 | 33 | 5,000 | 15.0 |"
