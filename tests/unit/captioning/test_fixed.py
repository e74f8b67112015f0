import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.captioning.edit_list import unedited_entries
from booruflow.captioning.fixed import (
    Edit,
    chosen_edits,
    edit_outcomes,
    fixed_captions,
    print_outcomes,
    read_artists,
    read_bad_texts,
    read_edited,
    read_edits,
    read_replaced,
    text_digest,
    write_fixed,
    write_outcomes,
)
from booruflow.captioning.parse import ParserSettings
from booruflow.captioning.shards import shard_of
from booruflow.core.errors import UserError
from booruflow.core.idjson import ENTRY_SCHEMA, read_entries, write_entries
from booruflow.core.tables import write_stream
from booruflow.sources.posts import POSTS_SCHEMA

SETTINGS = ParserSettings("long", "By {artist}.", None, False)
REFUSAL = "I'm sorry, but I can't help with that."
PROSE = "A girl with long red hair sits at a table and smiles at the viewer."
BAD_TEXTS = {4: REFUSAL, 8: "", 12: "!!!!"}
ARTISTS = {4: ["some_artist"], 8: [], 12: [], 16: []}


@pytest.fixture
def bad(tmp_path):
    """Bad outputs of the posts 4, 8 and 12, in two shards."""
    paths = [str(tmp_path / f"bad_{n}.json") for n in range(2)]
    for path, ids in zip(paths, ([4, 12], [8]), strict=True):
        values = [json.dumps({"text": BAD_TEXTS[id_], "finish_reason": "stop", "reason": "refusal"}) for id_ in ids]
        write_entries(path, [pl.DataFrame({"id": ids, "value": values})])
    return paths


def edits_of(entries):
    return {post: [Edit(entry, "edited/a.json")] for post, entry in entries.items()}


def fixed(entries):
    return fixed_captions(chosen_edits(edits_of(entries), BAD_TEXTS), ARTISTS, SETTINGS)


def edited(tmp_path, content, name="edited_0.json"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=3).encode())
    return str(path)


def test_edited_text_is_parsed_and_a_typed_caption_is_taken_verbatim():
    texts = {4: {"text": PROSE}, 8: {"caption": " Just  {so|thus}.\n"}, 12: {"caption": "Typed.", "text": "!!!!"}}
    assert fixed(texts) == {4: f"By some artist. {PROSE}", 8: "Just  {so|thus}.", 12: "Typed."}
    assert fixed({4: {"caption": None, "text": PROSE}})[4].startswith("By some artist.")
    assert fixed({4: {"caption": "Typed."}}) == {4: "Typed."}
    assert fixed({16: {"caption": "Of a post that was never bad."}}).keys() == {16}


def test_entries_as_the_edit_list_has_them_are_not_edited_whatever_became_of_the_output(bad):
    """A truncated prose output, read as if it had ended by itself, would be a caption."""
    assert fixed({8: {"text": PROSE}}) == {8: PROSE}
    entry = {"text": PROSE, "finish_reason": "length", "reason": "truncated", "digest": text_digest(PROSE)}
    for copy in (entry, entry | {"caption": None}, {"text": PROSE, "digest": entry["digest"]}):
        for now in ({}, {8: "the output of another model"}, {8: PROSE}):
            assert chosen_edits(edits_of({8: copy}), now) == {}
    assert chosen_edits(edits_of({8: {"text": PROSE, "finish_reason": "length", "reason": "truncated"}}), {8: PROSE}) == {}
    lists = {post: json.loads(value) for path in bad for post, value in pl.concat(unedited_entries(path, [])).iter_rows()}
    assert lists.keys() == BAD_TEXTS.keys()
    assert chosen_edits(edits_of(lists), {}) == {}
    assert chosen_edits(edits_of({8: entry | {"text": PROSE + " Indeed."}}), {8: PROSE}).keys() == {8}
    assert fixed({8: entry | {"caption": "Typed."}}) == {8: "Typed."}


@pytest.mark.parametrize(
    "entry",
    [{"text": "I cannot help with that image."}, {"text": ""}, {}, "caption", None, 5, [], {"caption": 5, "text": REFUSAL}],
)
def test_changed_entries_that_give_no_caption_are_an_error_that_names_each(entry):
    with pytest.raises(UserError, match=r"still bad: 4 \(edited/a\.json: .+\), 12 \(edited/a\.json: .+\): correct"):
        fixed({4: entry, 8: {"caption": "Fine."}, 12: {"text": "?"}})


def test_a_message_lists_the_first_entries_and_counts_the_rest():
    entries = {post: {"text": "?"} for post in range(1000)}
    with pytest.raises(UserError, match=r"19 \(edited/a\.json: .+\) and 980 more: correct") as caught:
        fixed_captions(chosen_edits(edits_of(entries), {}), dict.fromkeys(entries, ()), SETTINGS)
    assert len(str(caught.value)) < 1200


def test_entries_are_found_by_id_in_any_file(tmp_path):
    one = edited(tmp_path, {"12": {"caption": "a"}, "4": {"caption": "b"}}, "one.json")
    two = edited(tmp_path, {"8": {"caption": "c"}, "4": {"caption": "b"}}, "two.json")
    edits = read_edits([one, two])
    assert list(edits) == [4, 8, 12]
    assert fixed_captions(chosen_edits(edits, BAD_TEXTS), ARTISTS, SETTINGS) == {4: "b", 8: "c", 12: "a"}


def test_an_id_in_two_files(tmp_path):
    copy = {"text": REFUSAL, "finish_reason": "stop", "reason": "refusal"}
    one = edited(tmp_path, {"4": copy, "8": {"caption": "b"}}, "one.json")
    two = edited(tmp_path, {"4": {"caption": "typed"}, "8": {"caption": "b", "reason": "empty"}}, "two.json")
    for order in ([one, two], [two, one]):
        chosen = chosen_edits(read_edits(order), BAD_TEXTS)
        assert (chosen[4].path, chosen.keys()) == (two, {4, 8})
    three = edited(tmp_path, {"8": {"caption": "b."}}, "three.json")
    with pytest.raises(UserError, match=r"one\.json and .*three\.json: id 8 is edited in both, differently: keep one"):
        chosen_edits(read_edits([one, two, three]), BAD_TEXTS)


def test_what_became_of_each_edit(tmp_path, bad, capsys):
    entries = {4: {"caption": "a"}, 8: {"text": ""}, 16: {"caption": "c"}, 20: {"caption": "d"}, 24: {"text": "?"}}
    edits = edits_of(entries)
    texts, total = read_bad_texts(bad, edits)
    assert (texts, total) == ({4: REFUSAL, 8: ""}, 3)
    chosen = chosen_edits(edits, texts)
    captions = fixed_captions(chosen, ARTISTS, SETTINGS)
    outcomes = edit_outcomes(edits, chosen, captions, {4: "bad", 16: "generated"})
    print_outcomes(outcomes, total)
    assert capsys.readouterr().out.splitlines() == [
        "2 edits used, 1 entry not edited yet, 2 bad answers without an edit",
        "edits take the place of: 1 bad, 1 generated",
        "warning: edited, though their output is good (now); the edit takes precedence: 16",
        "warning: edited, but not in the data set; not used: 20, 24",
    ]
    write_outcomes(tmp_path / "edits.json", outcomes)
    values = {post: json.loads(value) for post, value in pl.concat(read_entries(tmp_path / "edits.json")).iter_rows()}
    assert {value.pop("file") for value in values.values()} == {"edited/a.json"}
    assert {post: value["outcome"] for post, value in values.items()} == {
        4: "fixed",
        8: "not edited",
        16: "fixed, though its output is not bad",
        20: "not in the data set",
        24: "not in the data set",
    }
    assert {post: value.get("replaced") for post, value in values.items()} == {
        4: "bad",
        8: None,
        16: "generated",
        20: None,
        24: None,
    }


def test_what_edits_replace_is_found_in_the_files_of_all_outcomes(tmp_path):
    def write(name, ids):
        write_entries(tmp_path / name, [pl.DataFrame({"id": ids, "value": ["{}"] * len(ids)}, schema=ENTRY_SCHEMA)])
        return str(tmp_path / name)

    base = write("base.json", list(range(0, 60, 2)))
    ids = {"good": range(1, 60, 8), "bad": range(3, 60, 8), "skipped": range(5, 60, 8), "failed": range(7, 56, 8)}
    in_shard = {number: shard_of(np.array([number]), 3)[0] for number in range(60)}
    shards = {
        kind: [write(f"{kind}_{n}.json", [post for post in some if in_shard[post] == n]) for n in range(3)]
        for kind, some in ids.items()
    }
    expected = dict.fromkeys(range(0, 60, 2), "base") | {59: "nothing"}
    for kind, name in (("good", "generated"), ("bad", "bad"), ("skipped", "skipped"), ("failed", "failed")):
        expected |= dict.fromkeys(ids[kind], name)
    expected[59] = "bad"  # 3 + 7 * 8
    assert read_replaced(range(60), base, shards) == expected
    assert read_replaced([58, 59], base, dict.fromkeys(ids, ())) == {58: "base", 59: "nothing"}
    assert read_replaced([], base, shards) == {}


def test_tags_only(tmp_path):
    assert fixed({4: {"tags_only": True}, 8: {"text": "", "tags_only": True}}) == {4: "", 8: ""}
    copy = {"text": REFUSAL, "digest": text_digest(REFUSAL)}
    assert fixed({4: copy | {"tags_only": False}}) == {}
    assert fixed({4: copy | {"tags_only": True}}) == {4: ""}
    with pytest.raises(UserError, match=r"4 \(edited/a\.json: tags_only with a caption\)"):
        fixed({4: {"tags_only": True, "caption": "A girl."}})
    one, two = edited(tmp_path, {"4": {"tags_only": True}}, "a.json"), edited(tmp_path, {"4": {"caption": "x"}}, "b.json")
    with pytest.raises(UserError, match="edited in both, differently"):
        chosen_edits(read_edits([one, two]), BAD_TEXTS)


def test_artists_are_those_of_the_shard_and_only_posts_of_the_data_set_have_any(tmp_path):
    posts = [{"id": post, "artist": names} for post, names in ((4, "ink a_b"), (8, ""), (12, "ink"))]
    write_stream(tmp_path / "posts.parquet", [pl.DataFrame(posts, schema=POSTS_SCHEMA)], POSTS_SCHEMA)
    assert read_artists(tmp_path / "posts.parquet", [4, 8, 10]) == {4: ["ink", "a_b"], 8: []}
    assert read_artists(tmp_path / "none.parquet", []) == {}


@pytest.mark.parametrize("count", [1, 3, 8])
def test_each_shard_has_the_captions_of_its_ids(tmp_path, count):
    captions = {post: f"caption {post}" for post in range(0, 60, 2)}
    paths = [str(tmp_path / f"fixed_{n}.json") for n in range(count)]
    write_fixed(captions, paths)
    found = [pl.concat(read_entries(path)) for path in paths]
    assert sorted(pl.concat(found)["id"]) == list(captions)
    for n, frame in enumerate(found):
        assert (shard_of(frame["id"].to_numpy(), count) == n).all()
        assert [json.loads(value) for value in frame["value"]] == [{"caption": captions[post]} for post in frame["id"]]
    write_fixed({}, paths)
    assert all(Path(path).read_text() == "{\n}\n" for path in paths)


def test_any_json_layout_is_read(tmp_path):
    path = edited(tmp_path, b'\xef\xbb\xbf{ "12": {"text":"b"}, "004":{"caption": "a"},\r\n"5":{"text":"c","caption":" "}}\n')
    assert read_edited(path) == {4: {"caption": "a"}, 12: {"text": "b"}, 5: {"text": "c"}}


DEEP = b'{"4": %b}'
INVALID = [
    (b"", r"line 1, column 1: not valid JSON \(it is empty\)"),
    (b'{"4": {"caption": "a"},\n}', "line 1, column 23: not valid JSON"),
    (b'{"4": {"caption": "a"}}\n{"8": {"caption": "b"}}', "line 2, column 1: not valid JSON"),
    (b'{\n"4": {"caption": "a"}\n"8": {}}', "line 3, column 1: not valid JSON"),
    (b'{"4": {"caption": "\\ud800"}}', "line 1, column 20: not valid JSON .*surrogate"),
    (b'{"4": {"caption": NaN}}', "line 1, column 19: not valid JSON"),
    ('{\n"4": {"caption": "caf\u00e9"}}'.encode("latin-1"), "line 2: not UTF-8: save"),
    ('{"4": {"caption": "a"}}'.encode("utf-16"), "line 1: not UTF-8: save"),
    (b'{"4": {"caption": "first"}, "4": {"caption": "second"}}', "key '4' occurs 2 times"),
    (b'{"4": {"caption": "first"}, "04": {"caption": "second"}}', "key '4' occurs 2 times"),
    (b'{"4": {"caption": "first", "caption": "second"}}', "key 'caption' occurs 2 times"),
    (b'{"4": {"caption": "a"},\n"8": {"caption": "b"}', r"line 2, column 22: not valid JSON \(it ends before all brackets"),
    (b'{"4": {"caption": "a"},\n"8": {"caption": "b', r"line 2, column 20: not valid JSON \(it ends before all brackets"),
    (DEEP % (b"[" * 250), r"line 1, column \d+: not valid JSON \(too many brackets in brackets, which are perhaps not closed\)"),
    (DEEP % (b"[" * 990 + b"]" * 990), r"not valid JSON \(too many brackets in brackets\)"),
    (DEEP % (b"[" * 1000 + b"]" * 1000), r".*not valid JSON \(too many brackets in brackets"),
    (DEEP % (b"[" * 100_000), r"line 1, column 1031: not valid JSON \(too many brackets in brackets"),
    (DEEP % (b'{"a":' * 1200 + b"1" + b"}" * 1200), r"line 1, column 5123: not valid JSON \(too many brackets in brackets"),
    (b'{"4": {"caption": %b}}' % (b"9" * 5000), "line 1, column 19: not valid JSON .number is infinity"),
    (b'{"%b": {"caption": "a"}}' % (b"9" * 5000), "key '9{40}': not a post id"),
    ([], "not an object"),
    ({"four": {}}, "key 'four': not a post id"),
    ({"-4": {}}, "key '-4': not a post id"),
    ({"4.0": {}}, "key '4.0': not a post id"),
    ({"": {}}, "key '': not a post id"),
    ({"\u0664": {}}, "key '\u0664': not a post id"),
    ({"1" * 19: {}}, "key '1{19}': not a post id"),
]


@pytest.mark.parametrize(("content", "message"), INVALID, ids=range(len(INVALID)))
def test_an_invalid_file_is_refused_and_left_unchanged(tmp_path, content, message):
    path = edited(tmp_path, content)
    before = Path(path).read_bytes()
    with pytest.raises(UserError, match=rf"edited_0\.json: ({message})") as caught:
        read_edited(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200 + len(path)
    assert Path(path).read_bytes() == before


def test_a_long_number_is_no_caption(tmp_path):
    path = edited(tmp_path, b'{"4": {"caption": %b}, "8": {"caption": "a", "reason": -%b.5}}' % (b"9" * 300, b"9" * 300))
    with pytest.raises(UserError, match=r"still bad: 4 \(.*edited_0\.json: wrong_type\): "):
        fixed_captions(chosen_edits(read_edits([path]), BAD_TEXTS), ARTISTS, SETTINGS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["caption", "text", "digest", "x"]), inner),
    max_leaves=8,
)


@settings(max_examples=50)
@given(
    st.dictionaries(st.integers(0, 99).map(str) | st.text(max_size=4), json_values, max_size=6), st.binary(max_size=4), st.data()
)
def test_any_file_is_read_or_refused_in_one_line(tmp_path_factory, content, noise, data):
    text = json.dumps(content).encode()
    place = data.draw(st.integers(0, len(text)))
    path = edited(tmp_path_factory.mktemp("edited"), text[:place] + noise + text[place:])
    try:
        fixed_captions(chosen_edits(read_edits([path]), BAD_TEXTS), dict.fromkeys(range(100), ()), SETTINGS)
    except UserError as error:
        assert "\n" not in str(error)
