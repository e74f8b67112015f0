import json

import pytest

from booruflow.captioning.failed import (
    Failure,
    read_attempts,
    read_failed,
    retries,
    unanswered,
    unanswered_line,
    write_failed,
)
from booruflow.core.errors import UserError
from booruflow.core.idjson import read_entries

KEYS = [bytes([n]) * 16 for n in range(3)]


def attempt(key, id_, reason="status 500"):
    return json.dumps({"key": key.hex(), "id": id_, "reason": reason}) + "\n"


def test_attempts_are_counted_by_key_over_files_and_other_lines_ignored(tmp_path):
    (tmp_path / "a").write_text(
        attempt(KEYS[0], 5) + '{"key": "zz"}\n[1]\n7\n' + attempt(KEYS[1], 6) + attempt(KEYS[0], 5, "late")
    )
    odd = [attempt(KEYS[2], 1e999), attempt(KEYS[2], "7"), attempt(KEYS[2], 7, None), attempt(b"short", 7), "[" * 100_000 + "\n"]
    (tmp_path / "c").write_text("".join(odd) + attempt(KEYS[2], True))
    (tmp_path / "b").write_text(attempt(KEYS[0], 5, "last") + attempt(KEYS[2], 7)[:20])
    assert read_attempts([tmp_path / name for name in "abc"]) == {
        KEYS[0]: Failure(5, "last", 3),
        KEYS[1]: Failure(6, "status 500", 1),
    }


@pytest.mark.parametrize(("attempts", "due"), [([], 0), ([1], 1), ([2], 2), ([3], 2), ([4], 2), ([1, 3], 3)])
def test_each_failure_that_another_attempt_follows_counts(attempts, due):
    assert retries({KEYS[n]: Failure(n, "", count) for n, count in enumerate(attempts)}) == due


@pytest.mark.parametrize("failures", [{}, {12: Failure(12, 'no "luck"', 2), 3: Failure(3, "über", 1)}])
def test_a_failed_file_has_the_layout_of_all_lists_and_is_read_back(tmp_path, failures):
    write_failed(tmp_path / "failed_0.json", failures)
    assert [id_ for frame in read_entries(tmp_path / "failed_0.json") for id_ in frame["id"]] == sorted(failures)
    assert read_failed(tmp_path / "failed_0.json") == failures


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", '{"x": {}}', '{"1": 5}', '{"1": {}}', '{"1": {"reason": 5, "attempts": 1}}', "[" * 100_000, "\xff"),
        *('{"1": {"reason": "", "attempts": true}}', '{"1": {"reason": "", "attempts": "1"}}'),
    ],
)
def test_a_damaged_file_is_one_line_with_its_name(tmp_path, text):
    (tmp_path / "failed_0.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"failed_0\.json: damaged: delete it"):
        unanswered([tmp_path / "failed_0.json"], [tmp_path / "fixed_0.json"])


def test_damaged_captions_of_a_person_are_one_line(tmp_path):
    write_failed(tmp_path / "failed_0.json", {2: Failure(2, "", 1)})
    (tmp_path / "fixed_0.json").write_text("[2]")
    with pytest.raises(UserError, match=r"fixed_0\.json: damaged"):
        unanswered([tmp_path / "failed_0.json"], [tmp_path / "fixed_0.json"])


def test_files_that_do_not_exist_have_no_failures(tmp_path):
    assert unanswered([tmp_path / "failed_0.json"], [tmp_path / "fixed_0.json"]) == {}


def test_posts_that_a_person_has_captioned_are_not_left(tmp_path):
    write_failed(tmp_path / "failed_0.json", {2: Failure(2, "", 1), 4: Failure(4, "", 3)})
    write_failed(tmp_path / "failed_1.json", {5: Failure(5, "", 3)})
    (tmp_path / "fixed_0.json").write_text('{\n"4": {"caption":"A cat."}\n}\n')
    lists = [[tmp_path / f"{name}_{n}.json" for n in (0, 1)] for name in ("failed", "fixed")]
    assert list(unanswered(*lists)) == [2, 5]


def test_the_line_says_what_to_do():
    failures = {7: Failure(7, "status 500", 1), 8: Failure(8, "status 400", 3)}
    assert unanswered_line(failures, "results/attempts") == (
        "2 caption requests failed, such as that of post 7 (status 500): run again to repeat them; 1 of them will not be"
        " repeated, after 3 failed runs, until you delete results/attempts; or caption these posts yourself (docs/captioning.md)"
    )
    assert unanswered_line({7: failures[7]}, "a").endswith("(status 500): run again to repeat them")
    assert "run again" not in unanswered_line({8: failures[8]}, "a")
