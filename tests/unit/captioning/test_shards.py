import json
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_shards import row

from booruflow.captioning import shards
from booruflow.captioning.shards import SHARD_SCHEMA, check_images, request_rows, row_blocks, shard_of, write_shards
from booruflow.core.errors import UserError
from booruflow.sources.images.listing import IMAGES_SCHEMA
from booruflow.sources.posts import POSTS_SCHEMA

POST = {
    "id": 6,
    "general": "red_hair 1girl",
    "character": "",
    "artist": "ink a_b",
    "copyright": "",
    "meta": "",
    "has_metadata": True,
}
IMAGE = {"id": 6, "folder": "images", "tar": "0006.tar", "name": "6.webp", "offset": 512, "size": 99}


def test_the_shard_is_the_part_of_the_unit_interval_in_which_the_fraction_lies():
    ids = [0, 1, 2, 7, 99_999, 8_093_067]
    with localcontext(prec=40):
        fractions = [id_ / ((1 + Decimal(5).sqrt()) / 2) % 1 for id_ in ids]
        for count in (1, 2, 7, 10_000):
            assert shard_of(np.array(ids), count).tolist() == [int(fraction * count) for fraction in fractions]


@pytest.mark.parametrize("step", [1, 2, 3, 10, 64, 100, 256, 1000, 1024, 10_000])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 16, 64])
def test_ids_in_steps_spread_evenly(step, count):
    for first, number in ((0, 40 * count), (5_000_003, 4000), (7, 100_000)):
        counts = np.bincount(shard_of(np.arange(first, first + number * step, step), count), minlength=count)
        chance = (number / count) ** 0.5
        assert abs(counts - number / count).max() <= 2.5 * chance + 1


@given(st.lists(st.integers(0, 10**18 - 1)), st.integers(1, 10_000), st.integers(1, 10_000))
def test_shards_are_in_range_and_of_a_finer_division_parts(ids, count, factor):
    shards_of_ids = shard_of(np.array(ids, np.int64), count)
    assert ((shards_of_ids >= 0) & (shards_of_ids < count)).all()
    assert (shard_of(np.array(ids, np.int64), count * factor) // factor == shards_of_ids).all()


def test_rows_and_shards(tmp_path):
    ids = pl.DataFrame({"id": [2, 4, 6, 7]})
    rows = list(request_rows([ids], [pl.DataFrame([POST], schema=POSTS_SCHEMA)], [pl.DataFrame([IMAGE], schema=IMAGES_SCHEMA)]))
    jsons, tables = ([str(tmp_path / f"split_{n}.{kind}") for n in range(3)] for kind in ("json", "parquet"))
    assert write_shards(jsons, tables, rows) == [2, 1, 1]
    assert [json.loads((tmp_path / f"split_{n}.json").read_text()) for n in range(3)] == [[2, 7], [4], [6]]
    assert pl.read_parquet(tables[2]).to_dicts() == [
        {
            "id": 6,
            "general": "red_hair, 1girl",
            "characters": "",
            "artists": "ink, a_b",
            "image": "images/0006.tar",
            "offset": 512,
            "size": 99,
            "has_metadata": True,
        }
    ]
    assert pl.read_parquet(tables[1])["has_metadata"].to_list() == [False]


@pytest.mark.parametrize("count", [1, 10, 11, 60])
def test_any_number_of_shards_with_few_files_open_and_few_row_groups(tmp_path, monkeypatch, count):
    monkeypatch.setattr(shards, "OPEN_SHARDS", 10)
    monkeypatch.setattr(shards, "BLOCK_ROWS", 1200)
    ids = np.arange(5, 18_005, 6)
    frame = pl.DataFrame([row(int(id_)) for id_ in ids], schema=SHARD_SCHEMA, orient="row")
    most_open = 0

    def rows():
        nonlocal most_open
        for part in frame.iter_slices(61):
            most_open = max(most_open, len(list(Path("/proc/self/fd").iterdir())))
            yield part

    jsons, tables = ([str(tmp_path / f"split_{n}.{kind}") for n in range(count)] for kind in ("json", "parquet"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    counts = write_shards(jsons, tables, rows())
    assert most_open - before <= 2 * 10 + 2
    for n, (json_path, table) in enumerate(zip(jsons, tables, strict=True)):
        expected = frame.filter(shard_of(ids, count) == n)
        assert pl.read_parquet(table).equals(expected) and len(expected) == counts[n]
        assert json.loads(Path(json_path).read_bytes()) == expected["id"].to_list()
        assert pq.read_metadata(table).num_row_groups <= 3
    assert {str(path) for path in tmp_path.iterdir()} == {*jsons, *tables}
    assert [len(block) for block in row_blocks(tables[0], 100)][:-1] == [100] * (counts[0] // 100 - (counts[0] % 100 == 0))


def test_shards_of_an_earlier_number_are_removed(tmp_path):
    for name in ("split_7.json", "split_7.parquet", "missing.json", "split_x.json"):
        (tmp_path / name).touch()
    write_shards([str(tmp_path / "split_0.json")], [str(tmp_path / "split_0.parquet")], [])
    assert {path.name for path in tmp_path.iterdir()} == {"split_0.json", "split_0.parquet", "missing.json", "split_x.json"}


def test_an_empty_shard_is_written(tmp_path):
    assert write_shards([str(tmp_path / "a.json")], [str(tmp_path / "a.parquet")], []) == [0]
    assert json.loads((tmp_path / "a.json").read_text()) == []
    assert pl.read_parquet(tmp_path / "a.parquet").height == 0


def test_images_of_no_post_are_refused():
    check_images(0, 0)
    check_images(5, 1)
    with pytest.raises(UserError, match=r"^config\.yaml: inputs\.images: none of the 5,000 images is of a post"):
        check_images(5000, 0)
