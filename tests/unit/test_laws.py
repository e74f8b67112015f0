import polars as pl
import pytest

from booruflow.errors import UserError
from booruflow.laws import check_dealt


def stream(*ids, rows=2):
    yield pl.DataFrame(schema={"id": pl.Int64})
    yield from pl.DataFrame({"id": ids}, schema={"id": pl.Int64}).iter_slices(rows)


def test_every_id_is_dealt_to_one_shard():
    check_dealt(stream(1, 2, 3, 4, 6), [stream(3, 6), stream(1, 4), stream(2)])


@pytest.mark.parametrize(
    ("shards", "wrong"),
    [([(3,), (1,)], 2), ([(3,), (1, 2, 4)], 4), ([(1, 3), (1, 2)], 1), ([(), ()], 1), ([(1, 2, 3, 9), ()], 9)],
)
def test_an_id_in_no_shard_in_two_or_from_elsewhere_is_named(shards, wrong):
    with pytest.raises(
        UserError, match=f"law broken: each post without a caption is in exactly one shard; not so for id {wrong} and"
    ):
        check_dealt(stream(1, 2, 3), [stream(*ids) for ids in shards])
