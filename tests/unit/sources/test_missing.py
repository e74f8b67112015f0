import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.sources.missing import MISSING_KINDS, find_missing, read_missing, write_missing


def stream(ids):
    return [pl.DataFrame({"id": ids}, schema={"id": pl.Int64})]


def test_ids_missing_from_each_stream():
    found = find_missing(stream([1, 2, 3, 9]), [stream([2, 4]), stream([]), stream([1, 2, 3, 9])])
    assert [ids.tolist() for ids in found] == [[1, 3, 9], [1, 2, 3, 9], []]


@given(st.lists(st.lists(st.integers(0, 2**62), unique=True).map(sorted), min_size=3, max_size=4))
def test_the_file_is_json_and_each_list_is_read_back(tmp_path_factory, lists):
    path = tmp_path_factory.getbasetemp() / "missing.json"
    write_missing(path, [np.array(ids, np.int64) for ids in lists])
    assert json.loads(path.read_text()) == dict(zip(MISSING_KINDS, lists, strict=False))
    for kind, ids in zip(MISSING_KINDS, lists, strict=False):
        assert pl.concat(read_missing(path, kind))["id"].to_list() == ids


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"tags": [], "caption": [1], "latent": []}\n',
        '{\n"caption": [\n1,\n',
        '{\n"caption": [\n1,\n2',
        '{\n"caption": [\n1,\nx\n],\n"latent": [\n]\n}\n',
        '{\n"caption": [\n2,\n1\n],\n"latent": [\n]\n}\n',
        '{\n"caption": [\n1 2\n],\n"latent": [\n]\n}\n',
    ],
)
def test_a_list_that_is_cut_or_changed_is_refused(tmp_path, text):
    path = tmp_path / "missing.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"missing\.json: .*'caption'.*: build (it|the file) again"):
        list(read_missing(path, "caption"))
