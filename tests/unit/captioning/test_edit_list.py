import json

import polars as pl
import pytest

from booruflow.captioning.edit_list import flagged_entries, lists_in, refuse_edited_lists, unedited_entries
from booruflow.captioning.fixed import is_edited, read_bad_texts, read_edited, text_digest
from booruflow.core.errors import UserError
from booruflow.core.idjson import read_entries, write_entries
from booruflow.core.tables import write_stream


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad_0.json"
    values = [
        json.dumps({"text": text, "finish_reason": "stop", "reason": "refusal"}) for text in ("!!!!", "", "Ich \u2028 \U0001f600")
    ]
    write_entries(path, [pl.DataFrame({"id": [4, 8, 12], "value": values})])
    return path


def test_the_list_leaves_out_what_is_edited(bad):
    assert pl.concat(unedited_entries(bad, []))["id"].to_list() == [4, 8, 12]
    assert pl.concat(unedited_entries(bad, {8: "not finished yet", 5: None}))["id"].to_list() == [4, 12]
    assert pl.concat(unedited_entries(bad, [4, 8, 12]))["id"].to_list() == []


def test_an_entry_is_the_bad_one_and_the_digest_of_its_text(bad):
    for (_, value), (_, original) in zip(
        pl.concat(unedited_entries(bad, [])).iter_rows(), pl.concat(read_entries(bad)).iter_rows(), strict=True
    ):
        entry = json.loads(value)
        assert not is_edited(entry)
        assert len(entry.pop("digest")) == 16 and entry == json.loads(original)


def test_a_list_that_was_edited_in_its_place_is_not_replaced(tmp_path, bad):
    folder = tmp_path / "edit_list"
    assert lists_in(folder) == []
    write_entries(folder / "edited_10.json", unedited_entries(bad, []))  # of more shards than there are now
    folder.joinpath("edited_x.json").write_text("mine")
    lists = lists_in(folder)
    assert lists == [folder / "edited_10.json"]
    refuse_edited_lists(lists, "edited")
    written = lists[0].read_text()
    lists[0].write_text(json.dumps(json.loads(written), indent=4))
    refuse_edited_lists(lists, "edited")
    for change in (('"text":"!!!!"', '"text":"A girl."'), ('{"text":""', '{"caption":"A boy.","text":""'), ("!!!!", "!!!! ")):
        assert written.count(change[0]) == 1
        lists[0].write_text(written.replace(*change))
        with pytest.raises(
            UserError, match=r"edited_10\.json: edited \(id \d+ and 0 more\), and would be replaced: move it to edited/"
        ):
            refuse_edited_lists(lists, "edited")
        assert len(read_edited(lists[0])) == 3
    lists[0].write_text(written.replace('"4": {', '"4": '))
    with pytest.raises(UserError, match=r"edited_10\.json: line 2, column \d+: not valid JSON"):
        refuse_edited_lists(lists, "edited")


@pytest.mark.parametrize("value", ["7", "{}", '{"text":7}', "x"])
def test_a_bad_output_without_a_text_is_named(bad, value):
    write_entries(bad, [pl.DataFrame({"id": [4], "value": [value]})])
    for read in (lambda: list(unedited_entries(bad, [])), lambda: read_bad_texts([str(bad)], [4])):
        with pytest.raises(UserError, match=r"bad_0\.json: id 4: not an object with a text 'text': delete the file"):
            read()


@pytest.fixture
def flagged(tmp_path):
    """Captions of the ids 1 to 5, of which 2 and 4 have a flag."""
    captions = [json.dumps({"caption": f'The "girl" {n}.'}, separators=(",", ":")) for n in range(1, 6)]
    write_entries(tmp_path / "meta_cap.json", [pl.DataFrame({"id": range(1, 6), "value": captions})])
    rows = [(2, "long", "9 words"), (2, "repeated", "2 times"), (4, "repeated", "3 times"), (5, "short", "1 word")]
    flags = pl.DataFrame(rows, schema={"id": pl.Int64, "flag": pl.String, "detail": pl.String}, orient="row")
    write_stream(tmp_path / "flags.parquet", [flags], flags.schema)
    return tmp_path / "meta_cap.json", tmp_path / "flags.parquet"


def test_flagged_captions_are_entries_that_are_not_edited(flagged):
    found = {id_: json.loads(value) for id_, value in flagged_entries(*flagged, ["repeated", "long"], []).iter_rows()}
    assert list(found) == [2, 4]
    assert found[2]["caption"] == 'The "girl" 2.' and found[2]["flags"] == {"long": "9 words", "repeated": "2 times"}
    assert not is_edited(found[2])
    assert is_edited(found[2] | {"caption": "The girl 2."})
    assert is_edited({"caption": found[2]["caption"]})
    assert flagged_entries(*flagged, ["repeated"], {4: {}})["id"].to_list() == [2]
    assert flagged_entries(*flagged, ["language"], []).is_empty()


def test_a_caption_typed_under_a_bad_output_is_an_edit_even_if_it_is_the_output():
    entry = {"text": "A girl.", "digest": text_digest("A girl.")}
    assert not is_edited(entry) and is_edited(entry | {"caption": "A girl."})
