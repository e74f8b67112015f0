import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.core import idjson
from booruflow.core.errors import UserError
from booruflow.core.idjson import (
    MAX_ID_DIGITS,
    decode_json_text,
    find_entries,
    id_of_line,
    json_text,
    line_from,
    member_json_text,
    offset_of,
    read_entries,
    read_entry_ids,
    write_entries,
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
ids = st.integers(0, 10**MAX_ID_DIGITS - 1)


def entries(captions):
    frame = pl.DataFrame(
        {"id": list(captions), "caption": list(captions.values())}, schema={"id": pl.Int64, "caption": pl.String}
    )
    return frame.select("id", value=pl.struct("caption").struct.json_encode())


@settings(deadline=None)
@given(captions=st.dictionaries(ids, texts, max_size=30), read_bytes=st.sampled_from([40, 64, 1 << 20]), size=st.integers(1, 9))
def test_any_text_survives_a_round_trip(tmp_path_factory, captions, read_bytes, size):
    path = tmp_path_factory.getbasetemp() / "x.json"
    captions = dict(sorted(captions.items()))
    frame = entries(captions)
    assert write_entries(path, frame.iter_slices(size)) == len(captions)
    text = path.read_text("utf-8")
    assert text.endswith("}\n")
    assert text.count("\n") == len(captions) + 2
    assert json.loads(text) == {str(i): {"caption": caption} for i, caption in captions.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idjson, "READ_BYTES", read_bytes)
        read = pl.concat(read_entries(path))
        read_ids = pl.concat(read_entry_ids(path))
    assert read["id"].to_list() == read_ids["id"].to_list() == list(captions)
    assert read.select(decode_json_text(member_json_text("value", "caption"))).to_series().to_list() == list(captions.values())


@given(st.lists(texts, min_size=1))
def test_json_text_is_json(strings):
    encoded = pl.DataFrame({"a": strings}).select(json_text("a")).to_series()
    assert [json.loads(text) for text in encoded] == strings


members = st.dictionaries(
    st.text('ab\\\\"', max_size=3), st.one_of(st.none(), st.integers(), st.text('\\\\"}{:, ', max_size=4)), max_size=2
)


@given(
    st.lists(st.tuples(st.text('a\\\\"}{:, é\n', max_size=6), members, st.sampled_from([(",", ":"), (", ", ": ")])), min_size=1)
)
def test_any_json_of_the_same_meaning_is_read_as_it_would_be_written(tmp_path_factory, entries):
    path = tmp_path_factory.getbasetemp() / "members.json"
    values = [
        json.dumps({"caption": text, **others} if form[0] == "," else {**others, "caption": text}, separators=form)
        for text, others, form in entries
    ]
    path.write_text("{\n" + ",\n".join(f'"{i}": {value}' for i, value in enumerate(values)) + "\n}\n", "utf-8")
    read = pl.concat(read_entries(path, member="caption"))
    texts = read.select(decode_json_text(member_json_text("value", "caption"))).to_series().to_list()
    assert texts == [json.loads(value)["caption"] for value in values]


@pytest.mark.parametrize(
    "value", ["", "{}", '{"caption":1}', '{"caption":"a""b"}', '{"caption":"a\\"}', '{"caption":"', '"caption"', "[]"]
)
def test_a_value_without_the_text_is_reported_with_its_line(tmp_path, value):
    (tmp_path / "x.json").write_text('{\n"1": {"caption":"a"},\n"2": %s,\n"3": {"caption":"b"}\n}\n' % (value or "x"))
    with pytest.raises(UserError, match="line 3: not an object with a text 'caption': build the file again"):
        list(read_entries(tmp_path / "x.json", member="caption"))


def test_bytes_do_not_depend_on_the_frame_size(tmp_path):
    frame = entries({i: f"caption {i}" for i in range(100)})
    for name, size in (("a", 1), ("b", 100)):
        write_entries(tmp_path / name, frame.iter_slices(size))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"1": {}}\n', "line 1"),
        (b'{\n"1": {"caption":"a"},\n', "line 3: the file is cut short"),
        (b'{\n"1": {"caption":"a"},\n"2": {"cap', "line 3: the file is cut short"),
        (b'{\n"2": {},\n"1": {}\n}\n', "ids do not ascend"),
        (b'{\n"1": {},\n"1": {}\n}\n', "ids do not ascend"),
        (b'{\n"1": {},\n"x": {}\n}\n', "line 3: not"),
        (b'{\n"1":{},\n}\n', "line 2: not"),
        (b'{\n"1234567890123456789": {}\n}\n', "line 2: not"),
        (b'{\n"1": {"caption":"\xff"}\n}\n', "not UTF-8"),
        (b"", "line 1"),
        (b'{\n"1": {}\n"2": {}\n}\n', "line 2: no comma"),
        (b'{\n"1": {},\n"2": {}x\n"3": {}\n}\n', "line 3: no comma"),
        (b'{\n"1": {},\n}\n', "line 3: the file is cut short"),
    ],
)
def test_broken_files_are_reported_with_their_line(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_entries(path))
    if message != "not UTF-8":
        with pytest.raises(UserError, match=message):
            list(read_entry_ids(path))


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.json"
    write_entries(path, [entries({1: "old"})])
    before = path.read_bytes()

    def failing():
        yield entries({1: "new"})
        raise OSError(28, "no space")

    with pytest.raises(UserError, match="No space left"):
        write_entries(path, failing())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@settings(deadline=None, derandomize=True)
@given(
    captions=st.dictionaries(ids, st.sampled_from(["", "a", "long " * 40]), max_size=25),
    wanted=st.lists(ids, max_size=5),
    line_bytes=st.sampled_from([3, 50, 2048]),
)
def test_an_entry_is_found_by_its_id_without_reading_the_file(tmp_path_factory, captions, wanted, line_bytes):
    path = tmp_path_factory.getbasetemp() / "found.json"
    captions = dict(sorted(captions.items()))
    write_entries(path, [entries(captions)])
    some = [*captions, *(id_ + 1 for id_ in captions), *wanted]
    with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
        patch.setattr(idjson, "LINE_BYTES", line_bytes)
        for id_ in some:
            line = line_from(file, offset_of(file, id_))
            assert id_of_line(line) == min((other for other in captions if other >= id_), default=10**18)
        found = find_entries(path, some)
    assert {id_: json.loads(value)["caption"] for id_, value in found.items()} == captions


@pytest.mark.parametrize("content", [b'{\n"a": 1\n}\n', b"{\n1: 2\n}\n", b'{"1": 1}\n', b'{\n"1": "\xff"\n}\n'])
def test_a_file_of_another_layout_is_named_when_an_entry_is_looked_up(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.json: near id 1: not one entry a line"):
        find_entries(path, [1])


def test_nothing_is_found_in_an_empty_file(tmp_path):
    path = tmp_path / "x.json"
    path.touch()
    assert find_entries(path, [1]) == {}
    with pytest.raises(UserError, match="No such file"):
        find_entries(tmp_path / "none.json", [1])
