"""Edits of the page: saved as typed, never over somebody else's, whole after a kill at any moment."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.captioning.fixed import Edit as FixedEdit
from booruflow.captioning.fixed import chosen_edits, read_edited, text_digest
from booruflow.core.errors import UserError
from booruflow.review.edits import Conflict, Edits

ME, OTHER = "session-a", "session-b"


@pytest.fixture
def edits(tmp_path):
    return Edits(tmp_path)


def save(edits, post, action, text="", session=ME):
    return edits.save(post, action, text, version=edits.get(post).version, session=session)


def file_of(tmp_path):
    return json.loads((tmp_path / "edited/review.json").read_bytes())


def test_what_was_typed_is_saved_as_typed_and_as_the_workflow_reads_it(edits, tmp_path):
    typed = 'Two  spaces,\n"quotes" <script>alert(1)</script> \u202eright to left 😀 日本\x00'
    edit = save(edits, 12, "caption", typed)
    assert (edit.action, edit.text, edit.read_only) == ("caption", typed, False)
    save(edits, 4, "text", '{"a": "b"}')
    save(edits, 8, "tags only")
    assert file_of(tmp_path) == {"4": {"text": '{"a": "b"}'}, "8": {"tags_only": True}, "12": {"caption": typed}}
    assert list(read_edited(tmp_path / "edited/review.json")) == [4, 8, 12]
    assert Edits(tmp_path).get(12) == edit
    assert edits.actions() == {4: "text", 8: "tags only", 12: "caption"}


@given(st.text())
@settings(max_examples=60, derandomize=True)
def test_any_text_comes_back(tmp_path_factory, text):
    edits = Edits(tmp_path_factory.mktemp("set"))
    if not text.strip():
        with pytest.raises(UserError, match="nothing is typed"):
            save(edits, 1, "caption", text)
    else:
        assert save(edits, 1, "caption", text).text == text.encode("utf-8", "replace").decode()


def test_a_save_on_an_older_version_is_refused_with_what_stands_there(edits, tmp_path):
    first = edits.get(12)
    theirs = Edits(tmp_path).save(12, "caption", "theirs", version=first.version, session=OTHER)
    with pytest.raises(Conflict, match="'theirs'") as conflict:
        edits.save(12, "caption", "mine", version=first.version, session=ME)
    assert conflict.value.now == theirs
    assert edits.get(12).text == "theirs"
    edits.save(12, "caption", "mine", version=theirs.version, session=ME)
    with pytest.raises(Conflict):
        edits.mark(12, True, version=theirs.version, session=ME)
    (tmp_path / "edited/review.json").write_text('{"12": {"caption": "by an editor"}}')  # while the page is open
    assert edits.get(12).text == "by an editor"


def test_leaving_and_marking_touch_no_file_of_the_workflow(edits, tmp_path):
    save(edits, 12, "left")
    edits.mark(16, True, version="", session=ME)
    assert not (tmp_path / "edited").exists()
    assert (edits.actions(), edits.marked()) == ({12: "left"}, [16])
    save(edits, 12, "caption", "after all")
    assert edits.actions() == {12: "caption"}
    save(edits, 12, "left")
    assert (edits.actions(), file_of(tmp_path)) == ({12: "left"}, {})
    edits.mark(12, True, version=edits.get(12).version, session=ME)
    assert (edits.actions(), edits.marked()) == ({}, [12, 16])
    edits.mark(12, False, version=edits.get(12).version, session=ME)
    assert edits.get(12) == edits.get(99)


def test_edits_by_hand_are_seen_and_never_rewritten(tmp_path):
    bad = {4: "bad four", 8: "bad eight"}
    edits = Edits(tmp_path, lambda ids: {post: bad[post] for post in ids if post in bad})
    (tmp_path / "edited").mkdir()
    by_hand = tmp_path / "edited/mine.JSON"
    copy = {"text": "bad eight", "digest": text_digest("bad eight")}
    by_hand.write_text(json.dumps({"4": {"text": "bad four"}, "8": copy, "12": {"caption": "typed"}}))
    before = by_hand.read_bytes()
    assert edits.actions() == {12: "caption"}  # the copies that nobody changed are no edits
    assert (edits.get(12).file, edits.get(12).read_only, edits.get(12).text) == ("edited/mine.JSON", True, "typed")
    with pytest.raises(UserError, match=r"edited/mine.JSON: post 12 is edited there by hand"):
        save(edits, 12, "caption", "other")
    save(edits, 4, "caption", "four")
    save(edits, 8, "tags only")
    assert by_hand.read_bytes() == before
    by_hand.write_text(json.dumps({"4": {"caption": "another four"}}))
    assert "edited/mine.JSON has an edit of post 4 too" in edits.get(4).note
    by_hand.write_text("{")
    assert "not valid JSON" in edits.get(12).note
    assert edits.get(4).text == "four"


def test_the_workflow_refuses_nothing_that_was_saved(tmp_path):
    edits = Edits(tmp_path, lambda ids: {1: "raw"}, lambda post, action, text: "truncated" if text == "cut" else "")
    with pytest.raises(UserError, match=r"the text cannot be used yet \(truncated\)"):
        save(edits, 1, "text", "cut")
    with pytest.raises(UserError, match="as the model wrote it"):
        save(edits, 1, "text", "raw")
    assert not (tmp_path / "edited").exists()


def test_undo_takes_back_one_change_after_the_other_also_after_a_restart(edits, tmp_path):
    save(edits, 1, "caption", "one")
    save(edits, 2, "tags only")
    save(edits, 5, "caption", "of somebody else", OTHER)
    save(edits, 1, "caption", "two")
    save(edits, 1, "left")
    again = Edits(tmp_path)
    assert again.last(ME) == 1
    assert (again.undo(ME).edit.text, again.get(1).action) == ("two", "caption")
    undone = again.undo(ME)
    assert (undone.post, undone.edit.text, undone.was) == (1, "one", "caption")
    assert (edits.undo(ME).post, edits.undo(ME).edit.action, edits.undo(ME)) == (2, "", None)
    assert file_of(tmp_path) == {"5": {"caption": "of somebody else"}}


def test_undo_does_not_take_back_what_somebody_else_wrote(edits):
    save(edits, 1, "caption", "one")
    save(edits, 2, "caption", "mine")
    save(edits, 2, "caption", "theirs", OTHER)
    with pytest.raises(Conflict) as conflict:
        edits.undo(ME)
    assert conflict.value.now.text == "theirs"
    assert edits.undo(ME).post == 1  # and goes on with what was before


def test_undo_steps_over_a_change_that_a_kill_prevented(edits, monkeypatch):
    save(edits, 1, "caption", "one")
    monkeypatch.setattr(edits, "_write", lambda *_: None)  # killed after the line in the history
    save(edits, 2, "caption", "two")
    monkeypatch.undo()
    assert edits.undo(ME).post == 1


SAVER = """
import sys
from pathlib import Path
from booruflow.review.edits import Conflict, Edits
edits, name = Edits(Path(sys.argv[1])), sys.argv[2]
for number in range(int(sys.argv[3]), int(sys.argv[4])):
    post = number % 7
    edit = edits.get(post)
    try:
        edits.save(post, "caption", f"{name} {number}" + " long" * 2000, version=edit.version, session=name)
    except Conflict:
        continue
    print(post, number, flush=True)
"""


def saver(tmp_path, name, first, end=10**6):
    return subprocess.Popen(
        [sys.executable, "-c", SAVER, str(tmp_path), name, str(first), str(end)], stdout=subprocess.PIPE, text=True
    )


def test_a_kill_in_mid_save_loses_nothing(tmp_path):
    """What the process said was saved is there after each of the kills, and the file is whole."""
    saved, first = {}, 0
    for turn in range(5):
        process = saver(tmp_path, "killed", first)
        lines = [process.stdout.readline() for _ in range(3 + turn)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)
        process.wait()
        for post, number in (map(int, line.split()) for line in lines if line.endswith("\n")):
            saved[post], first = number, number + 1
        found = read_edited(tmp_path / "edited/review.json")
        for post, number in saved.items():
            stands = int(found[post]["caption"].split()[1])
            assert stands >= number, post  # a save may be on the disk that could not be reported
        assert chosen_edits({post: [FixedEdit(entry, "")] for post, entry in found.items()}, {}).keys() == found.keys()
        first += 7


def test_two_processes_that_save_at_once_never_overwrite_each_other(tmp_path):
    """Each change in the history was made of what the one before it had left."""
    processes = [saver(tmp_path, name, 0, 40) for name in ("a", "b")]
    reported = [line for process in processes for line in process.communicate()[0].splitlines()]
    stands = {}
    history = [json.loads(line) for line in (tmp_path / "review/history.jsonl").read_text().splitlines()]
    for change in history:
        assert change["before"] == stands.get(change["post"], [None, None])
        stands[change["post"]] = change["after"]
    assert {change["session"] for change in history} == {"a", "b"}
    assert len(history) == len(reported) > 40
    assert {int(post): entry for post, entry in file_of(tmp_path).items()} == {
        post: json.loads(entry) for post, (entry, _) in stands.items()
    }


def test_a_damaged_file_of_the_page_is_named(edits, tmp_path):
    save(edits, 1, "caption", "one")
    Path(tmp_path, "edited/review.json").write_text('{"1": ')
    with pytest.raises(UserError, match=r"review\.json: line 1"):
        edits.get(1)
    with pytest.raises(UserError, match=r"review\.json: line 1"):
        edits.save(1, "caption", "two", version="", session=ME)
    assert Path(tmp_path, "edited/review.json").read_text() == '{"1": '
