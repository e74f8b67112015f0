import json

import polars as pl

from booruflow.captioning.edit_list import unedited_entries
from booruflow.core.idjson import read_entries, write_entries


def test_the_list_leaves_out_what_is_in_the_edited_file(tmp_path):
    bad, edited = tmp_path / "bad_0.json", tmp_path / "edited_0.json"
    value = json.dumps({"text": "!!!!", "finish_reason": "stop", "reason": "refusal"})
    write_entries(bad, [pl.DataFrame({"id": [4, 8, 12], "value": [value] * 3})])
    assert pl.concat(unedited_entries(bad, edited))["id"].to_list() == [4, 8, 12]
    edited.write_text(json.dumps({"8": {"text": "not finished yet"}}, indent=3))
    assert pl.concat(unedited_entries(bad, edited)).equals(pl.concat(read_entries(bad)).filter(pl.col("id") != 8))
    edited.write_text("{}")
    assert pl.concat(unedited_entries(bad, edited))["id"].to_list() == [4, 8, 12]
