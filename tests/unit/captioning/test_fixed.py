import json

import polars as pl
import pytest

from booruflow.captioning.fixed import fixed_captions, read_edited
from booruflow.captioning.parse import ParserSettings
from booruflow.captioning.shards import SHARD_SCHEMA
from booruflow.core.errors import UserError
from booruflow.core.idjson import write_entries
from booruflow.core.tables import write_stream

SETTINGS = ParserSettings("long", "By {artist}.", None, False)
REFUSAL = "I'm sorry, but I can't help with that."
PROSE = "A girl with long red hair sits at a table and smiles at the viewer."


@pytest.fixture
def bad(tmp_path):
    """Bad outputs of the posts 4, 8 and 12 of shard 0."""
    entries = [json.dumps({"text": text, "finish_reason": "stop", "reason": "refusal"}) for text in (REFUSAL, "", "!!!!")]
    path = tmp_path / "bad_0.json"
    write_entries(path, [pl.DataFrame({"id": [4, 8, 12], "value": entries})])
    return path


@pytest.fixture
def split(tmp_path):
    rows = [(post, "", "", "", None, None, None, True) for post in (4, 8, 12, 16)]
    write_stream(tmp_path / "split_0.parquet", [pl.DataFrame(rows, schema=SHARD_SCHEMA, orient="row")], SHARD_SCHEMA)
    return tmp_path / "split_0.parquet"


def edited(tmp_path, content):
    path = tmp_path / "edited_0.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=3).encode())
    return path


def fixed(edits, bad):
    frame = fixed_captions(edits, bad, lambda post: ["some_artist"] if post == 4 else [], SETTINGS)
    return {post: json.loads(value) for post, value in frame.iter_rows()}


def test_edited_text_is_parsed_and_a_typed_caption_is_taken_verbatim(bad, capsys):
    texts = {4: {"text": PROSE}, 8: {"caption": " Just  so. "}, 12: {"caption": "Typed.", "text": "!!!!"}}
    assert fixed(texts, bad) == {
        4: {"caption": f"By some artist. {PROSE}"},
        8: {"caption": "Just so."},
        12: {"caption": "Typed."},
    }
    assert fixed({4: {"caption": None, "text": PROSE}}, bad)[4]["caption"].startswith("By some artist.")
    assert fixed({4: {"caption": "Typed."}}, bad) == {4: {"caption": "Typed."}}
    assert fixed({16: {"caption": "Of a post that was never bad."}}, bad).keys() == {16}
    assert capsys.readouterr().out.splitlines()[0] == "3 fixed, 0 not edited yet, 0 still bad"


def test_unchanged_entries_are_counted(bad, capsys):
    unchanged = {4: {"text": REFUSAL, "finish_reason": "stop", "reason": "refusal"}, 8: {"text": "", "caption": ""}}
    assert fixed(unchanged, bad) == {}
    assert capsys.readouterr().out == "0 fixed, 2 not edited yet, 3 still bad\n"


@pytest.mark.parametrize(
    "entry", [{"text": "I cannot help with that image."}, {"text": ""}, {}, "caption", None, {"caption": 5, "text": REFUSAL}]
)
def test_a_changed_entry_that_gives_no_caption_is_an_error(bad, entry):
    with pytest.raises(UserError, match=r"still bad: 4 \(.+\), 12 \(.+\): correct"):
        fixed({4: entry, 8: {"caption": "Fine."}, 12: {"text": "?"}}, bad)


def test_any_json_layout_is_read(tmp_path, split):
    path = edited(tmp_path, b'\xef\xbb\xbf{ "12": {"text":"b"}, "004":{"caption": "a"}}')
    assert list(read_edited(path, split).items()) == [(4, {"caption": "a"}), (12, {"text": "b"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"4": {"caption": "a"},\n}', "line 1, column 23: not valid JSON"),
        (b'{"4": {"caption": "\\ud800"}}', "line 1, column 20: not valid JSON .*surrogate"),
        (b'{"4": {"caption": "first"}, "4": {"caption": "second"}}', "key '4' occurs 2 times"),
        (b'{"4": {"caption": "first"}, "04": {"caption": "second"}}', "key '4' occurs 2 times"),
        (b'{"4": {"caption": "first", "caption": "second"}}', "key 'caption' occurs 2 times"),
        ([], "not an object"),
        ({"four": {}}, "key 'four': not a post id"),
        ({"4": {}, "5": {}, "9": {}}, r"id 5 is not in .*split_0\.parquet \(2 such\): move it"),
    ],
)
def test_an_invalid_file_is_refused_and_left_unchanged(tmp_path, split, content, message):
    path = edited(tmp_path, content)
    before = path.read_bytes()
    with pytest.raises(UserError, match=rf"edited_0\.json: {message}"):
        read_edited(path, split)
    assert path.read_bytes() == before
