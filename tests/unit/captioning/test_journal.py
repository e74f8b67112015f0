import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.captioning.journal import Journal, JournalIndex, journal_files
from booruflow.core.errors import UserError


def entry(number, text="a"):
    return {"key": f"{number:032x}", "id": number % 1000, "text": text}


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
    path = folder / "0_of_1.jsonl"
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
    path = folder / f"{other}_of_{others}.jsonl"
    path.touch()
    share = any(id_ % count == number and id_ % others == other for id_ in range(count * others))
    assert (path in journal_files(folder, number, count)) == share


def test_a_full_disk_is_a_clear_error(tmp_path):
    journal = Journal(tmp_path, 0, 1)
    os.dup2(os.open("/dev/full", os.O_WRONLY), journal._file.fileno())
    with pytest.raises(UserError, match=r"0_of_1\.jsonl: cannot be written"):
        journal.append([entry(1)])
