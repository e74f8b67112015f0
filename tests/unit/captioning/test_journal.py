import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.captioning.journal import Journal, JournalIndex, journal_files, read_journal
from booruflow.core.errors import UserError


def entry(number, text="a"):
    return {"key": f"{number:032x}", "id": number % 1000, "text": text, "finish_reason": "stop"}


def keys(*numbers):
    return np.frombuffer(b"".join(number.to_bytes(16) for number in numbers), dtype="S16")


def texts(index, *numbers):
    places = index.find(keys(*numbers))
    assert (places >= 0).all()
    return [found["text"] for found in index.read(places.tolist())]


def test_appended_entries_are_found(tmp_path):
    with Journal(tmp_path, 0, 2) as journal:
        journal.append([entry(2, "two"), entry(4, "four \U0001f600 \n")])
        journal.append([entry(6)])
    index = JournalIndex(journal_files(tmp_path, 0, 2))
    assert texts(index, 4, 2) == ["four \U0001f600 \n", "two"]
    assert index.find(keys(2, 3, 6)).tolist()[1] == -1


def test_an_empty_journal_holds_nothing(tmp_path):
    assert JournalIndex(journal_files(tmp_path, 0, 1)).find(keys(1)).tolist() == [-1]
    assert JournalIndex([]).find(keys()).tolist() == []


def test_a_key_that_ends_in_zeros_is_found(tmp_path):
    with Journal(tmp_path, 0, 1) as journal:
        journal.append([entry(1 << 120), entry(1 << 112)])
    assert len(texts(JournalIndex(journal_files(tmp_path, 0, 1)), 1 << 120, 1 << 112)) == 2


@given(cut=st.integers(0, 400))
def test_a_file_cut_off_anywhere_loses_only_the_lines_after_the_cut(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder, 0, 1) as journal:
        journal.append([entry(number, "é" * number) for number in range(1, 6)])
    path = folder / "shard_0_of_1.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    kept = [json.loads(line)["id"] for line in whole[: max(0, len(whole) - cut)].splitlines() if line.endswith(b"}")]
    with Journal(folder, 0, 1) as journal:
        journal.append([entry(9, "after")])
    index = JournalIndex(journal_files(folder, 0, 1))
    assert texts(index, *kept, 9) == ["é" * number for number in kept] + ["after"]


def test_the_first_entry_of_a_key_journalled_twice_counts(tmp_path):
    with Journal(tmp_path, 0, 1) as journal:
        journal.append([entry(1, "first"), entry(2), entry(1, "second")])
    assert texts(JournalIndex(journal_files(tmp_path, 0, 1)), 1) == ["first"]


def test_two_running_jobs_never_share_a_file(tmp_path):
    with Journal(tmp_path, 0, 1):
        with pytest.raises(UserError, match="another running job"):
            Journal(tmp_path, 0, 1)
        Journal(tmp_path, 0, 2).__exit__()
    with Journal(tmp_path, 0, 1):
        pass


def test_the_lock_can_be_on_another_file_system(tmp_path, monkeypatch):
    monkeypatch.setenv("BOORUFLOW_LOCKS", str(tmp_path / "locks"))
    with Journal(tmp_path / "journal", 0, 1), pytest.raises(UserError, match="another running job"):
        Journal(tmp_path / "journal", 0, 1)
    assert [path.suffix for path in (tmp_path / "locks").iterdir()] == [".lock"]


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_journal_files_are_those_that_can_share_an_id(tmp_path_factory, count, others, data):
    folder = tmp_path_factory.mktemp("journal")
    number, other = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, others - 1))
    path = folder / f"shard_{other}_of_{others}.jsonl"
    path.touch()
    share = any(place // others == number and place // count == other for place in range(count * others))
    assert (path in journal_files(folder, number, count)) == share


def test_files_of_other_names_can_hold_any_id(tmp_path):
    names = [
        "3_of_4.jsonl",
        "old machine.jsonl",
        "shard_0_of_0.jsonl",
        "shard_1_of_4.jsonl",
        "shard_1_of_4.jsonl.jsonl",
        "shard_9_of_4.jsonl",
    ]
    for name in (*names, "._shard_1_of_4.jsonl", ".3_of_4.jsonl.swp", "shard_1_of_4.jsonl.bak", "shard_2_of_4.jsonl"):
        (tmp_path / name).touch()
    assert [path.name for path in journal_files(tmp_path, 1, 4)] == names
    assert journal_files(tmp_path / "none", 0, 1) == []


NO_ENTRIES = [
    b"null", b"5", b"[]", b'"text"', b"{}", b"", b"\0" * 4096, b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000,
    *(json.dumps(entry(7) | changes).encode() for changes in (
        {"key": 5}, {"key": "7"}, {"key": "x" * 32}, {"key": None}, {"id": "7"}, {"id": True}, {"id": 7.0}, {"id": -1},
        {"id": 1 << 63}, {"id": None}, {"text": None}, {"text": ["a"]}, {"finish_reason": 1},
    )),
    json.dumps({"MESSAGE": "a line of the system's journal", "_PID": "1"}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("line", NO_ENTRIES, ids=range(len(NO_ENTRIES)))
def test_a_line_that_is_no_entry_is_counted_and_hides_no_entry(tmp_path, capfd, line):
    path = tmp_path / "shard_0_of_1.jsonl"
    path.write_bytes(b"\n".join([json.dumps(entry(1, "before")).encode(), line, json.dumps(entry(2, "after")).encode(), b""]))
    index = JournalIndex(journal_files(tmp_path, 0, 1))
    assert len(index) == 2 and texts(index, 2, 1) == ["after", "before"]
    assert capfd.readouterr().err.startswith(f"warning: {path}: 1 lines ignored ")


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(NO_ENTRIES), st.integers(1, 9)), max_size=12))
def test_any_mixture_of_lines_gives_the_entries_in_it(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("journal") / "any.jsonl"
    path.write_bytes(b"".join((json.dumps(entry(x)).encode() if isinstance(x, int) else x) + b"\n" for x in lines))
    assert [found["id"] for _, found in read_journal(path)] == [x for x in lines if isinstance(x, int)]


def test_more_files_than_may_be_open(tmp_path, monkeypatch):
    monkeypatch.setattr("booruflow.captioning.journal.MAX_OPEN_FILES", 3)
    for number in range(10):
        (tmp_path / f"{number}.jsonl").write_text("".join(f"{json.dumps(entry(10 * n + number + 1))}\n" for n in range(3)))
    index = JournalIndex(journal_files(tmp_path, 0, 1))
    places = index.find(keys(*range(1, 31))).tolist()
    assert [found["id"] for found in index.read(places)] == list(range(1, 31))


def test_a_folder_or_file_that_cannot_be_used_is_named_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file/below", tmp_path / "link"):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to("gone/journal")
        with pytest.raises(UserError, match=r"shard_0_of_1\.jsonl: cannot be written \(.+\): make") as caught:
            Journal(folder, 0, 1).__exit__()
        assert "\n" not in str(caught.value)
    for folder in (tmp_path / "file", tmp_path / "link"):
        with pytest.raises(UserError, match=rf"{folder}: cannot be read"):
            journal_files(folder, 0, 1)
    odd = tmp_path / "odd"
    odd.mkdir()
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("gone.jsonl")):
        make(odd / "0_of_1.jsonl")
        with pytest.raises(UserError, match=r"odd/0_of_1\.jsonl: not a file, or a link to none: "):
            journal_files(odd, 0, 1)
        (odd / "0_of_1.jsonl").rmdir() if (odd / "0_of_1.jsonl").is_dir() else (odd / "0_of_1.jsonl").unlink()


def test_a_full_disk_is_a_clear_error(tmp_path):
    journal = Journal(tmp_path, 0, 1)
    os.dup2(os.open("/dev/full", os.O_WRONLY), journal._file.fileno())
    with pytest.raises(UserError, match=r"shard_0_of_1\.jsonl: cannot be written"):
        journal.append([entry(1)])
