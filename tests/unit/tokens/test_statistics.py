import json

import numpy as np
import pytest

from booruflow.core.errors import UserError
from booruflow.tokens.encoding import write_tokens
from booruflow.tokens.statistics import read_lengths, read_statistics, write_statistics


@pytest.fixture
def statistics_of(posts_file, vocabulary, tmp_path):
    def encode(posts):
        return write_tokens(posts_file(posts), vocabulary, tmp_path / "t.bin", 16, 1)

    return encode


def test_counts_and_lengths(statistics_of, tmp_path):
    statistics = statistics_of([{"general": "solo " * n + "hat"} for n in (0, 1)] + [{}] * 2)
    write_statistics(statistics, tmp_path / "c.json", tmp_path / "l.tsv")
    counts = json.loads((tmp_path / "c.json").read_text())
    assert counts["posts"] == 4
    assert counts["merged_labels"] == 0
    assert counts["length"] == {
        "mean": 10.5, "1": 9, "5": 9, "25": 9, "50": 9, "75": 11, "95": 13, "99": 13, "99.5": 13, "99.9": 13, "100": 13,
    }  # fmt: skip
    assert (tmp_path / "l.tsv").read_text() == "tokens\tposts\n9\t2\n11\t1\n13\t1\n"


@pytest.mark.parametrize("posts", [[], [{}], [{"general": "solo hat"}, {}, {"general": "solo"}]])
def test_lengths_are_read_as_they_were_written(statistics_of, tmp_path, posts):
    statistics = statistics_of(posts)
    write_statistics(statistics, tmp_path / "c.json", tmp_path / "l.tsv")
    np.testing.assert_array_equal(read_lengths(tmp_path / "l.tsv"), statistics.lengths)


def test_no_posts(statistics_of, tmp_path):
    write_statistics(statistics_of([]), tmp_path / "c.json", tmp_path / "l.tsv")
    assert json.loads((tmp_path / "c.json").read_text())["length"]["100"] == 0


def test_merged_labels_of_all_batches_are_counted(statistics_of, monkeypatch):
    monkeypatch.setattr("booruflow.tags.tag_columns.BATCH_ROWS", 1)
    assert statistics_of([{"general": "flower_hat flower-hat"}] * 3).to_dict()["merged_labels"] == 3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"1": {"x": 1}}', "null"])
def test_counts_are_read_as_they_were_written_or_named_as_damaged(statistics_of, tmp_path, text):
    path = tmp_path / "c.json"
    write_statistics(statistics_of([{"general": "solo"}]), path, tmp_path / "l.tsv")
    assert read_statistics(path) == json.loads(path.read_text())
    damaged = json.loads(path.read_text()) | {"length": {"mean": "9"}}
    for content in (text, json.dumps(damaged)):
        path.write_text(content)
        with pytest.raises(UserError, match=r"c\.json: damaged: delete it and run"):
            read_statistics(path)
