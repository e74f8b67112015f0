import json
from collections import Counter

import polars as pl
import pytest

from booruflow.captioning.parse import ParserSettings, artists_of, parse_raw, read_raw, write_outcomes
from booruflow.captioning.shards import SHARD_SCHEMA
from booruflow.core.errors import UserError
from booruflow.core.idjson import read_entries
from booruflow.core.tables import write_stream

PROSE = 'A girl with "long" red hair\u2014and a cat\U0001f431\u2014sits at a table and smiles at the viewer.'
SETTINGS = ParserSettings("short", "By {artist}.", None, False)


def raw(post, text, reason="stop", **more):
    return {"id": post, "text": text, "finish_reason": reason, **more}


@pytest.fixture
def artists(tmp_path):
    rows = [(i, "", "", names, None, None, None, True) for i, names in ((1, "kae, b_c_(d)"), (2, ""), (3, "kae"), (4, ""))]
    write_stream(tmp_path / "split_0.parquet", [pl.DataFrame(rows, schema=SHARD_SCHEMA, orient="row")], SHARD_SCHEMA)
    return artists_of(tmp_path / "split_0.parquet")


def written(tmp_path, raws, artists, settings=SETTINGS):
    write_outcomes(parse_raw(raws, artists, settings), tmp_path / "good.json", tmp_path / "bad.json")
    for name in ("good", "bad"):
        assert sum(map(len, read_entries(tmp_path / f"{name}.json"))) == len(json.loads((tmp_path / f"{name}.json").read_text()))
    return tuple(json.loads((tmp_path / f"{name}.json").read_text()) for name in ("good", "bad"))


def test_each_output_is_good_or_bad(tmp_path, artists, capsys):
    raws = [raw(1, PROSE), raw(2, ""), raw(3, "I'm sorry, but I can't help with that."), raw(4, PROSE, fallback=True)]
    good, bad = written(tmp_path, raws, artists)
    assert good == {"1": {"caption": f"By kae and b c (d). {PROSE}"}, "4": {"caption": PROSE, "fallback": True}}
    assert {post: (entry["text"], entry["finish_reason"]) for post, entry in bad.items()} == {
        "2": ("", "stop"), "3": (raws[2]["text"], "stop"),
    }  # fmt: skip
    assert all(entry["reason"] for entry in bad.values())
    assert capsys.readouterr().out == "2 good, 2 bad\n"


@pytest.mark.parametrize("texts", [["", "", ""], ["Sorry, but I can't help with that.", "", PROSE, ""]])
def test_a_warning_if_more_than_half_are_bad(tmp_path, artists, capsys, texts):
    _, bad = written(tmp_path, [raw(post, text) for post, text in enumerate(texts, 1)], artists)
    reason, count = Counter(entry["reason"] for entry in bad.values()).most_common(1)[0]
    assert (reason, len(bad)) == ("empty", 3)
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"warning: 3 of {len(texts)} answers are bad, {count} of them empty: look at {tmp_path / 'bad.json'} and change the"
        " captioner (docs/parser.md#reasons)"
    ]


def test_the_fallback_writes_prose_whatever_the_style(tmp_path, artists):
    settings = ParserSettings("json", "", None, False)
    good, bad = written(tmp_path, [raw(1, PROSE, fallback=True), raw(2, PROSE)], artists, settings)
    assert (good, list(bad)) == ({"1": {"caption": PROSE, "fallback": True}}, ["2"])


def test_without_outputs_both_files_are_empty(tmp_path, artists):
    assert written(tmp_path, [], artists) == ({}, {})


def test_artists_of_a_post(artists):
    assert (artists(1), artists(2)) == (["kae", "b_c_(d)"], [])


def test_lines_are_read_and_an_error_names_the_broken_one(tmp_path):
    path = tmp_path / "raw_0.jsonl"
    path.write_bytes(b'{"id":1,"text":"a\\u2028","finish_reason":"stop"}\n{"id":2,"text":"b')
    lines = read_raw(path)
    assert next(lines) == raw(1, "a\u2028")
    with pytest.raises(UserError, match=r"raw_0\.jsonl: line 2: not JSON"):
        next(lines)


@pytest.mark.parametrize(
    "line",
    [
        *("7", "[]", "null", '{"id":"1","text":"a","finish_reason":"stop"}', '{"id":1,"text":7,"finish_reason":"stop"}'),
        *('{"id":1,"text":"a"}', '{"id":true,"text":"a","finish_reason":"stop"}'),
    ],
)
def test_a_line_that_is_no_output_is_named(tmp_path, line):
    (tmp_path / "raw_0.jsonl").write_text(line)
    with pytest.raises(UserError, match=r"raw_0\.jsonl: line 1: not an id with a text: delete"):
        next(read_raw(tmp_path / "raw_0.jsonl"))


def test_an_output_of_a_post_that_is_not_in_the_shard_is_one_line(artists):
    with pytest.raises(UserError, match=r"split_0\.parquet: no post 5, though it has an output: delete"):
        list(parse_raw([raw(5, PROSE)], artists, SETTINGS))


def test_several_captions_of_an_answer_are_entries_of_their_own(tmp_path, artists):
    captions = {"summary": "Summary", "parts": "Parts"}
    settings = ParserSettings("markdown", "By {artist}.", None, False, captions=captions)
    good, bad = written(
        tmp_path, [raw(3, "# Summary\nA girl.\n# Parts\n- A hat\n"), raw(4, PROSE, fallback=True)], artists, settings
    )
    assert good == {"3": {"caption": "By kae. A girl.", "parts": "By kae. A hat."}, "4": {"caption": PROSE, "fallback": True}}
    assert bad == {}
