import polars as pl
import pytest
from small_shards import make_shard, row

from booruflow.captioning.prompts.known import NOTHING, read_known
from booruflow.captioning.prompts.traits import TRAITS_SCHEMA
from booruflow.core.errors import UserError
from booruflow.core.tables import write_stream


def test_traits_and_the_texts_of_the_posts_of_the_shard(tmp_path):
    shard = make_shard(tmp_path, [row(2), row(5)])
    table = pl.DataFrame([("miku", 30, "blue_hair twintails")], schema=TRAITS_SCHEMA, orient="row")
    write_stream(tmp_path / "traits.parquet", [table], TRAITS_SCHEMA)
    (tmp_path / "info.json").write_text('{\n"1": {"caption":"One."},\n"5": {"caption":"A \\"girl\\"."}\n}\n')
    known = read_known(shard.split, str(tmp_path / "traits.parquet"), str(tmp_path / "info.json"))
    assert known == ({"miku": ["blue_hair", "twintails"]}, {5: 'A "girl".'})
    assert read_known(shard.split, None, None) == NOTHING


def test_a_file_of_texts_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"info\.json"):
        read_known(make_shard(tmp_path, [row(1)]).split, None, str(tmp_path / "info.json"))
