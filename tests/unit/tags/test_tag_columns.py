import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.tags.tag_columns import post_batches, split_tags

STRINGS = st.lists(st.none() | st.text(st.sampled_from("a_é😀   \t\n\0 "), max_size=12))


def split_plainly(strings):
    return [[name for name in re.split("[\0- ]", string or "") if name] for string in strings]


@given(STRINGS, st.sampled_from([pa.string(), pa.large_string()]), st.integers(0, 3))
def test_each_row_has_its_tags(strings, kind, skipped):
    counts, tags = split_tags(pa.array(strings, kind)[skipped:])
    expected = split_plainly(strings[skipped:])
    assert counts.tolist() == [len(names) for names in expected]
    assert tags.to_pylist() == [f"{name} " for names in expected for name in names]


def test_an_array_without_rows():
    counts, tags = split_tags(pa.array([], pa.string()))
    assert counts.shape == (0,) and len(tags) == 0 and counts.dtype == np.int64


def test_a_truncated_posts_file_is_refused(posts_file):
    path = posts_file([{"general": "a"}])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"posts\.parquet: not a complete parquet file"):
        list(post_batches(path, ["id"]))


def test_a_corrupt_posts_file_is_refused(posts_file):
    path = posts_file([{"general": " ".join(map(str, range(n)))} for n in range(300)])
    data = bytearray(path.read_bytes())
    data[4:3000] = bytes(2996)
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"posts\.parquet: cannot be read to its end"):
        list(post_batches(path, ["id", "general"]))


def test_a_missing_column_is_named(posts_file):
    with pytest.raises(UserError, match="no column 'tags'"):
        list(post_batches(posts_file([{}]), ["tags"]))


def test_reading_holds_one_row_group_in_memory(tmp_path):
    names = np.random.default_rng(0).integers(0, 2**63, (40, 20_000)).astype(str)
    path = tmp_path / "posts.parquet"
    with pq.ParquetWriter(path, pa.schema([("general", pa.string())]), compression="none") as writer:
        for group in names:
            writer.write_table(pa.table({"general": group}))
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in post_batches(path, ["general"])]
    assert max(held) < path.stat().st_size / 3
