import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.sources import foreign_json as foreign
from booruflow.sources.foreign_json import captions_to_parquet, kohya_to_parquet, read_object

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
def test_any_object_in_any_layout_comes_back_in_its_order(tmp_path_factory, content, layout, block, mark):
    path = tmp_path_factory.getbasetemp() / "foreign.json"
    path.write_text(mark + json.dumps(content, **layout), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(foreign, "BLOCK", block)
        entries = [entry for entries in read_object(path) for entry in entries.items()]
    assert entries == list(content.items())


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 99).map(str), texts, min_size=1, max_size=4), st.data())
def test_a_file_that_json_refuses_is_refused(tmp_path_factory, content, data):
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
            assert "\\ud" in broken  # half of a pair is left, which the standard library lets pass
        else:
            assert found == expected


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


def test_an_object_without_entries_gives_an_empty_table(tmp_path):
    assert converted(tmp_path, {}, b" {\n } \n") == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"0\.json: begins with b''"),
        (b'[{"id": 1}]', "not with an object"),
        (b'{"1": "a", "2": {"caption": "cut', 'key "2": the file is cut short'),
        (b'{"1": "a", "2": {"caption": "cut"}', 'key "2": .* if it is cut short'),
        (b'{"1": "a", ', "at its end: the file is cut short"),
        (b'{"1": "a",}', "a comma without an entry"),
        (b'{"1": "a"} {"2": "b"}', 'key "1": not valid JSON'),
        (b'{"1": "a", "2": "b\\ud800c", "3": "d"}', 'key "2": not valid JSON .*surrogate'),
        (b'{"1": "a", "2": NaN, "3": "d"}', 'key "2": not valid JSON'),
        (b'{"1": "a", "2": "\xff", "3": "d"}', 'key "2": not valid JSON .*UTF-8'),
        (b'{"1": "a", "2": ["b"]}', "key '2': its caption is not text"),
        (b'{"1": {"caption": 5}}', "key '1': its caption is not text"),
        (b'{"girl.png": "a"}', r"key 'girl\.png': neither a post id nor a path"),
        (b'{"9999999999999999999": "a"}', "neither a post id"),
        (b'{"-1": "a"}', "neither a post id"),
        (b'{"\xc2\xb2": "a"}', "neither a post id"),
        (b'{"7": "a", "7": "b"}', "id 7 has two entries"),
        (b'{"7": "a", "/x/7.png": "b"}', r"0\.json: id 7 has two entries"),
    ],
)
def test_what_is_no_captions_file_is_refused_with_its_key(tmp_path, content, says):
    with pytest.raises(UserError, match=says):
        converted(tmp_path, content)
    assert not list(tmp_path.glob("*captions.parquet*"))


def test_two_files_with_one_id_are_both_named(tmp_path):
    with pytest.raises(UserError, match=r"0\.json and .*1\.json: id 5 has two entries"):
        converted(tmp_path, {"5": "a"}, {"6": "b", "5": "c"})
    with pytest.raises(UserError, match=r"gone\.json: cannot be read \(No such file"):
        captions_to_parquet([tmp_path / "gone.json"], tmp_path / "captions.parquet")


def test_a_key_twice_is_named_wherever_the_blocks_end(tmp_path, monkeypatch):
    for block in (4, 12, 1 << 20):
        monkeypatch.setattr(foreign, "BLOCK", block)
        with pytest.raises(UserError, match=r'id 7 has two entries|key "7" stands twice'):
            converted(tmp_path, b'{"7": "a", "8": "b", "7": "c", "9": "d"}')


def test_an_entry_that_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "BLOCK", 100)
    monkeypatch.setattr(foreign, "LONGEST", 1000)
    with pytest.raises(UserError, match='key "images": an entry of more than 1,000 bytes'):
        converted(tmp_path, {"images": {str(n): "a" for n in range(1000)}})


def resolution_rows(tmp_path, content):
    (tmp_path / "lat.json").write_text(json.dumps(content, indent=2))
    kohya_to_parquet(tmp_path / "lat.json", tmp_path / "lat.parquet")
    return pl.read_parquet(tmp_path / "lat.parquet").rows()


def test_resolutions_of_every_version(tmp_path):
    assert resolution_rows(
        tmp_path,
        {
            "/data/3.webp": {"tags": "a", "train_resolution": [832, 1216]},
            "1": {"image_size": [600, 900]},
            "C:\\images\\2.png": {"train_resolution": [64.0, 128.0], "image_size": [1, 2]},
            "4.webp": {"caption": "no size yet"},
        },
    ) == [(3, 832, 1216, None, None), (1, None, None, 600, 900), (2, 64, 128, 1, 2), (4, None, None, None, None)]


@pytest.mark.parametrize("size", [[64], [64, 0], [64, -64], [64, "64"], [64, None], [64, 1 << 31], "64x64", {"w": 64}])
def test_a_resolution_that_is_none_is_refused(tmp_path, size):
    with pytest.raises(UserError, match=r"lat\.json: key '1': .* is not \[width, height\]"):
        resolution_rows(tmp_path, {"1": {"train_resolution": size}})


def test_an_entry_that_is_no_object_is_refused(tmp_path):
    with pytest.raises(UserError, match="key '1': not an object"):
        resolution_rows(tmp_path, {"1": "caption"})
