import json

import polars as pl

from booruflow.captioning.shards import request_rows, write_shards
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
IMAGE = {"id": 6, "ext": "webp", "file": "0006.tar", "offset": 512, "size": 99}


def test_rows_and_shards(tmp_path):
    ids = pl.DataFrame({"id": [2, 4, 6, 7]})
    rows = list(request_rows([ids], [pl.DataFrame([POST], schema=POSTS_SCHEMA)], [pl.DataFrame([IMAGE], schema=IMAGES_SCHEMA)]))
    jsons, tables = ([str(tmp_path / f"split_{n}.{kind}") for n in range(3)] for kind in ("json", "parquet"))
    assert write_shards(jsons, tables, rows) == [1, 2, 1]
    assert [json.loads((tmp_path / f"split_{n}.json").read_text()) for n in range(3)] == [[6], [4, 7], [2]]
    assert pl.read_parquet(tables[0]).to_dicts() == [
        {
            "id": 6,
            "general": "red_hair, 1girl",
            "characters": "",
            "artists": "ink, a_b",
            "image": "0006.tar",
            "offset": 512,
            "size": 99,
            "has_metadata": True,
        }
    ]
    assert pl.read_parquet(tables[2])["has_metadata"].to_list() == [False]


def test_an_empty_shard_is_written(tmp_path):
    assert write_shards([str(tmp_path / "a.json")], [str(tmp_path / "a.parquet")], []) == [0]
    assert json.loads((tmp_path / "a.json").read_text()) == []
    assert pl.read_parquet(tmp_path / "a.parquet").height == 0
