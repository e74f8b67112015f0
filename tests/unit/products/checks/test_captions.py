import json

import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.core.idjson import ENTRY_SCHEMA
from booruflow.products.checks.captions import ShardLists, check_captions, check_shard, check_shards


def stream(*ids, rows=2):
    yield pl.DataFrame(schema={"id": pl.Int64})
    yield from pl.DataFrame({"id": ids}, schema={"id": pl.Int64}).iter_slices(rows)


def test_every_id_is_in_one_shard():
    check_shards(stream(1, 2, 3, 4, 6), [stream(3, 6), stream(1, 4), stream(2)])


@pytest.mark.parametrize(
    ("shards", "wrong"),
    [([(3,), (1,)], 2), ([(3,), (1, 2, 4)], 4), ([(1, 3), (1, 2)], 1), ([(), ()], 1), ([(1, 2, 3, 9), ()], 9)],
)
def test_an_id_in_no_shard_in_two_or_unexpected_is_reported(shards, wrong):
    with pytest.raises(
        UserError, match=f"check failed: each post without a caption is in exactly one shard; not so for id {wrong} and"
    ):
        check_shards(stream(1, 2, 3), [stream(*ids) for ids in shards])


def entries(texts, key="caption"):
    values = [f'{{"{key}":{json.dumps(text)}}}' for text in texts.values()]
    return [pl.DataFrame({"id": list(texts), "value": values}, schema=ENTRY_SCHEMA)]


def shard(ids, *outcomes):
    return ShardLists("split_0", stream(*ids), [stream(*outcome) for outcome in outcomes])


def test_every_id_of_a_shard_has_one_outcome():
    assert check_shard(shard([2, 4, 6, 8, 10], [4], [2, 8], [6], [10])) == [1, 2, 1, 1]
    assert check_shard(shard([], [], [], [], [])) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("outcomes", "wrong"),
    [
        (([4], [2], [], []), 6),  # dropped
        (([4, 6], [2, 6], [], []), 6),  # in two
        (([4, 6], [2], [], [6]), 6),
        (([4, 6, 6], [2], [], []), 6),  # twice in one
        (([4, 6], [2], [5], []), 5),  # not in the shard
    ],
)
def test_an_id_without_exactly_one_outcome_is_reported(outcomes, wrong):
    with pytest.raises(
        UserError, match=f"shard split_0 is in exactly one of good, bad, skipped and failed; not so for id {wrong} and 0"
    ):
        check_shard(shard([2, 4, 6], *outcomes))


BASE, GOOD = {1: "a", 2: "b", 5: "e"}, {2: "B", 3: "C"}


def test_merged_captions_are_the_latest_of_each_id():
    merged = {1: "a", 2: "B", 3: "C", 5: "e"}
    assert check_captions([entries(BASE), entries(GOOD)], entries(merged)) == ([3, 2], 1, 0, 4)


def test_a_post_whose_last_caption_is_empty_has_none():
    sources = [entries(BASE), entries(GOOD), entries({1: "", 3: "", 9: ""})]
    assert check_captions(sources, entries({2: "B", 5: "e"})) == ([3, 2, 3], 3, 3, 2)
    with pytest.raises(UserError, match="holds the latest caption of each id; not so for id 1 and"):
        check_captions([entries(BASE), entries({1: ""})], entries(BASE))


@pytest.mark.parametrize(
    "merged",
    [
        {1: "a", 2: "b", 3: "C", 5: "e"},  # of the earlier source
        {1: "a", 3: "C", 5: "e"},  # dropped
        {1: "a", 2: "C", 3: "B", 5: "e"},  # swapped
        {1: "a", 2: "B", 3: "C", 4: "d", 5: "e"},  # of no source
        {1: "a", 2: "B ", 3: "C", 5: "e"},  # changed
    ],
)
def test_wrong_merged_captions_are_reported(merged):
    with pytest.raises(UserError, match=r"holds the latest caption of each id; not so for id [24] and"):
        check_captions([entries(BASE), entries(GOOD)], entries(merged))
