import json

import polars as pl
import pytest
from broken_json import BROKEN_JSON
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.sources import json_object
from booruflow.sources.json_object import post_rows, read_object

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30) | st.text('"\\{}[],:\n', max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
layouts = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 1, 2, "\t"]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " : ")]),
    }
)


@settings(deadline=None)
@given(
    st.dictionaries(texts, values, max_size=12), layouts, st.sampled_from([5, 17, 64, 1 << 20]), st.sampled_from(["", "\ufeff"])
)
def test_any_object_in_any_layout_is_read_in_its_order(tmp_path_factory, content, layout, block, mark):
    path = tmp_path_factory.getbasetemp() / "object.json"
    path.write_text(mark + json.dumps(content, **layout), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_object, "BLOCK", block)
        entries = [entry for entries in read_object(path) for entry in entries.items()]
    assert entries == list(content.items())


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 99).map(str), texts, min_size=1, max_size=4), st.data())
def test_what_the_standard_library_refuses_is_refused(tmp_path_factory, content, data):
    path = tmp_path_factory.getbasetemp() / "broken.json"
    whole = json.dumps(content)
    place = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["cut", "dropped", "doubled"]))
    broken = {
        "cut": whole[:place],
        "dropped": whole[:place] + whole[place + 1 :],
        "doubled": whole[:place] + whole[place:][0] * 2 + whole[place + 1 :],
    }[kind]
    path.write_text(broken, "utf-8")
    try:
        expected = json.loads(broken, object_pairs_hook=list)
    except ValueError:
        expected = None
    if not isinstance(expected, list) or not broken.lstrip().startswith("{") or len(dict(expected)) < len(expected):
        with pytest.raises(UserError, match=r"broken\.json: "):
            list(read_object(path))
    else:
        try:
            found = [entry for entries in read_object(path) for entry in entries.items()]
        except UserError:
            assert "\\ud" in broken  # a lone surrogate, which the standard library accepts
        else:
            assert found == expected


def rows_of(tmp_path, *contents):
    """The rows of files that hold `contents`, with the JSON value of each entry."""
    paths = []
    for n, content in enumerate(contents):
        path = tmp_path / f"{n}.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        paths.append(path)
    frames = post_rows(paths, lambda entry: (json.dumps(entry),), {"id": pl.Int64, "entry": pl.String})
    return [(post, json.loads(entry)) for frame in frames for post, entry in frame.iter_rows()]


def test_keys_are_ids_or_paths(tmp_path):
    rows = rows_of(
        tmp_path, {"/data/9.webp": {"a": 1}, "C:\\images\\4.png": "four"}, {"sub/5.tar.gz": None, "007": [], "1" * 18: 0}
    )
    assert rows == [(9, {"a": 1}), (4, "four"), (5, None), (7, []), (int("1" * 18), 0)]


@pytest.mark.parametrize(
    "content", [b'{"7": {"a": ":,", "b": {"a": [{}, {"a": 1}]}},\n"8": "{\\"x\\": 1}"}\n', b'{"7": {"a": {}}}\n\n']
)
def test_equal_keys_at_different_places_are_no_repetition(tmp_path, monkeypatch, content):
    for block in (3, 1 << 20):
        monkeypatch.setattr(json_object, "BLOCK", block)
        assert dict(rows_of(tmp_path, content)) == {int(key): value for key, value in json.loads(content).items()}


def test_objects_without_entries_have_no_rows(tmp_path):
    assert rows_of(tmp_path, {}, b" {\n } \n") == []


@pytest.mark.parametrize(("content", "message"), BROKEN_JSON)
def test_a_broken_file_is_refused_with_its_key(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        rows_of(tmp_path, content)


def test_an_id_in_two_files_is_refused_with_both(tmp_path):
    with pytest.raises(UserError, match=r"1\.json entry 2: id 5 is already at .*0\.json entry 1 \(1 duplicate in all\)"):
        rows_of(tmp_path, {"5": "a"}, {"6": "b", "5": "c"})


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.json: cannot be read \(No such file"):
        list(read_object(tmp_path / "gone.json"))


def test_a_repeated_key_is_refused_wherever_blocks_end(tmp_path, monkeypatch):
    for block in (4, 12, 1 << 20):
        monkeypatch.setattr(json_object, "BLOCK", block)
        with pytest.raises(UserError, match=r'id 7 is already at|key "7" occurs twice'):
            rows_of(tmp_path, b'{"7": "a", "8": "b", "7": "c", "9": "d"}')


def test_an_entry_that_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(json_object, "BLOCK", 100)
    monkeypatch.setattr(json_object, "MAX_ENTRY", 1000)
    with pytest.raises(UserError, match='key "images": an entry of more than 1,000 bytes'):
        rows_of(tmp_path, {"images": {str(n): "a" for n in range(1000)}})
