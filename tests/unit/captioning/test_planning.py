import numpy as np
import pytest
from echo import EchoBackend
from small_shards import CAPTIONER, make_shard, row

from booruflow.captioning.planning import plan_keys
from booruflow.captioning.skipped import Skip


def plan(shard, identity=None, candidates=None, **changes):
    captioner = CAPTIONER | changes
    backend = EchoBackend(captioner)
    return plan_keys(shard, captioner, backend, backend.identity() | (identity or {}), 2, candidates)


def test_every_row_has_a_key_or_a_reason(tmp_path):
    shard = make_shard(tmp_path, [row(1), row(2, image=None), row(3, has_metadata=False), row(4)])
    (tmp_path / "images/4.png").unlink()
    keys, skips = plan(shard)
    assert (keys != b"").tolist() == [True, False, False, False]
    assert skips == {2: Skip("no image"), 3: Skip("no metadata"), 4: Skip("unreadable image", "no such file or directory")}


def test_only_candidates_are_planned(tmp_path):
    keys, skips = plan(make_shard(tmp_path, [row(1), row(2, image=None), row(3)]), candidates={3})
    assert (keys != b"").tolist() == [False, False, True]
    assert skips == {}


@pytest.mark.parametrize("change", [{"request_generation": 2}, {"model": "echo-2"}, {"temperature": 0.5}])
def test_the_identity_is_part_of_every_key(tmp_path, change):
    shard = make_shard(tmp_path, [row(1), row(2)])
    identity = {"request_generation": 1, "temperature": 0}
    assert not np.isin(plan(shard, identity)[0], plan(shard, identity | change)[0]).any()


def test_a_whole_number_and_the_same_float_are_the_same_setting(tmp_path):
    shard = make_shard(tmp_path, [row(1)])
    assert plan(shard, {"top_p": 1})[0] == plan(shard, {"top_p": 1.0})[0]


def test_posts_with_the_same_tags_and_image_have_their_own_keys(tmp_path):
    shard = make_shard(tmp_path, [row(1), row(2, general="1girl, tag_1", image="1.png")])
    keys, _ = plan(shard)
    assert keys[0] != keys[1]
