import json

import polars as pl
import pytest
from broken_json import BROKEN_JSON

from booruflow.core.errors import UserError
from booruflow.sources.captions_json import captions_to_parquet


def converted(tmp_path, *contents):
    paths = []
    for n, content in enumerate(contents):
        path = tmp_path / f"{n}.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        paths.append(path)
    captions_to_parquet(paths, tmp_path / "captions.parquet")
    return pl.read_parquet(tmp_path / "captions.parquet").rows()


def test_captions_are_text_or_objects_and_keys_ids_or_paths(tmp_path, capsys):
    rows = converted(
        tmp_path,
        {"/data/9.webp": {"caption": "nine", "tags": "a"}, "C:\\images\\4.png": "four", "sub/5.tar.gz": "five", "007": "seven"},
        {"1": {"caption": None}, "2": {"text": "raw", "reason": "no JSON"}, "3": None, "6": {"caption": "six", "repaired": True}},
    )
    assert rows == [(9, "nine"), (4, "four"), (5, "five"), (7, "seven"), (1, None), (2, None), (3, None), (6, "six")]
    assert capsys.readouterr().out == "5 captions, 3 entries without one\n"


@pytest.mark.parametrize("depth", [500, 1000])
def test_deep_brackets_that_are_closed_are_read(tmp_path, depth):
    content = b'{"1": {"caption": "one", "x": %b}, "2": "two"}' % (b'{"a":' * depth + b"1" + b"}" * depth)
    assert converted(tmp_path, content) == [(1, "one"), (2, "two")]


def test_files_without_entries_give_an_empty_table(tmp_path):
    assert converted(tmp_path, {}, b" {\n } \n") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *BROKEN_JSON,
        (b'{"1": "a", "2": ["b"]}', r"0\.json: key '2': its caption is not text"),
        (b'{"1": {"caption": 5}}', "key '1': its caption is not text"),
    ],
)
def test_a_broken_file_is_refused_and_leaves_no_table(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        converted(tmp_path, content)
    assert not list(tmp_path.glob("*captions.parquet*"))


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.json: cannot be read \(No such file"):
        captions_to_parquet([tmp_path / "gone.json"], tmp_path / "captions.parquet")
