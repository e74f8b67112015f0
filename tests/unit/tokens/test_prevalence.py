from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.tokens import prevalence
from booruflow.tokens.prevalence import count_tags, read_prevalence, write_prevalence


def test_posts_with_each_tag(posts_file):
    posts = [
        {"general": "b a a", "artist": "x"},
        {"general": "b\tb", "artist": None},
        {"general": "", "character": "x y"},
    ]
    counts = count_tags(posts_file(posts))
    assert counts == {
        "general": {"a": 1, "b": 2}, "artist": {"x": 1}, "character": {"x": 1, "y": 1}, "copyright": {}, "meta": {},
    }  # fmt: skip


def test_sums_over_many_batches(posts_file, monkeypatch):
    monkeypatch.setattr("booruflow.tags.tag_columns.BATCH_ROWS", 7)
    monkeypatch.setattr(prevalence, "_BATCHES_PER_SUM", 3)
    posts = [{"general": " ".join(f"t{n % k}" for k in range(1, 6))} for n in range(200)]
    expected = Counter(name for post in posts for name in set(post["general"].split()))
    assert count_tags(posts_file(posts))["general"] == expected


def test_the_file_has_most_frequent_first_and_ties_by_name(tmp_path):
    path = tmp_path / "prevalence_general.tsv"
    write_prevalence(path, {"b": 1, "ä": 2, "a": 1, "é": 2, "c": 9})
    assert path.read_text() == "name\tcount\nc\t9\nä\t2\né\t2\na\t1\nb\t1\n"


@given(
    counts=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], min_codepoint=33), min_size=1), st.integers(1, 99))
)
def test_counts_are_read_as_they_were_written(counts, tmp_path_factory):
    path = tmp_path_factory.mktemp("prevalence") / "p.tsv"
    write_prevalence(path, counts)
    assert read_prevalence(path) == counts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name\tcount\na\tx\n", "line 2: not a name, a tab and a count"),
        (b"name\tcount\na\t1\nb", "no final line break"),
        (b"a\t1\n", "no header line"),
        (b"name\tcount\n\xff\t1\n", "not UTF-8 at byte 11"),
        (b"", "no header line"),
    ],
)
def test_damaged_files(content, message, tmp_path):
    (tmp_path / "p.tsv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_prevalence(tmp_path / "p.tsv")


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="run the rule prevalence"):
        read_prevalence(tmp_path / "p.tsv")
