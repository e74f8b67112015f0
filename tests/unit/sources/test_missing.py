import json

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from booruflow.sources.missing import KINDS, lacking, missing_ids, write_missing


def stream(ids):
    return [pl.DataFrame({"id": ids}, schema={"id": pl.Int64})]


def test_lacking():
    found = lacking(stream([1, 2, 3, 9]), [stream([2, 4]), stream([]), stream([1, 2, 3, 9])])
    assert [ids.tolist() for ids in found] == [[1, 3, 9], [1, 2, 3, 9], []]


@given(st.lists(st.lists(st.integers(0, 2**62), unique=True).map(sorted), min_size=3, max_size=3))
def test_the_file_is_json_and_each_list_comes_back(tmp_path_factory, lists):
    path = tmp_path_factory.getbasetemp() / "missing.json"
    write_missing(path, [np.array(ids, np.int64) for ids in lists])
    assert json.loads(path.read_text()) == dict(zip(KINDS, lists, strict=True))
    for kind, ids in zip(KINDS, lists, strict=True):
        assert pl.concat(missing_ids(path, kind))["id"].to_list() == ids
