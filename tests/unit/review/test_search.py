import numpy as np
import pytest
from small_dataset import IDS, KIND_OF, SHARDS, of_kind, write

from booruflow.captioning.shards import shard_of
from booruflow.review.model import Origin, Query


def found(dataset, query, **options):
    return [post.id for post in dataset.search(query, count=100, **options).posts]


KINDS = {
    Origin.BASE: ["base"], Origin.GENERATED: ["good"], Origin.FALLBACK: ["fallback"], Origin.BAD: ["bad"],
    Origin.EDITED: ["edited base", "edited bad"], Origin.TAGS_ONLY: ["tags only base"], Origin.SKIPPED: ["skipped"],
    Origin.FAILED: ["failed"], Origin.NOTHING: ["nothing"],
}  # fmt: skip


@pytest.mark.parametrize("origin", list(Origin))
def test_posts_are_found_by_the_origin_of_their_caption(dataset, origin):
    assert found(dataset, Query(origin=origin)) == of_kind(*KINDS[origin])


def test_posts_are_found_by_metadata(dataset):
    assert found(dataset, Query()) == IDS
    assert found(dataset, Query(rating="s")) == [post for post in IDS if post % 4 == 1]
    assert found(dataset, Query(tags=("even",))) == [post for post in IDS if post % 2 == 0]
    assert found(dataset, Query(tags=("even", f"tag_{IDS[0]}", "some_artist"))) == [IDS[0]]
    assert found(dataset, Query(tags=("eve",))) == found(dataset, Query(tags=("1girl solo.*",))) == []


@pytest.mark.parametrize("text", ["EDITED", "edited 1", "Edited"])
def test_posts_are_found_by_words_of_their_caption(dataset, text):
    assert found(dataset, Query(text=text)) == of_kind("edited base", "edited bad")
    assert found(dataset, Query(text="caption")) == []  # the name of the member


def test_any_character_can_be_searched_for(dataset, folder):
    odd = 'She says "HI\\"\n<b>日本</b>'
    write(folder / "results/meta_cap.json", {IDS[4]: {"caption": f"a {odd} b"}, IDS[5]: {"caption": "日"}})
    for text in (odd, '"hi', "\\", "日本", "<B>", "\n"):
        assert found(dataset, Query(text=text)) == [IDS[4]], text
    assert found(dataset, Query(text="日")) == IDS[4:6]


def test_conditions_are_joined(dataset):
    assert found(dataset, Query(text="edited", rating="g", origin=Origin.EDITED)) == [
        post for post in of_kind("edited base", "edited bad") if post % 4 == 0
    ]
    assert found(dataset, Query(reason="truncated", origin=Origin.BAD)) == of_kind("bad")
    assert found(dataset, Query(reason="truncated")) == of_kind("bad", "edited bad")
    assert found(dataset, Query(reason="no image")) == of_kind("skipped")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_posts_of_a_shard_are_those_without_a_base_caption(dataset, shard):
    without = [post for post in IDS if "base" not in KIND_OF[post]]
    own = np.array(without)[shard_of(np.array(without), SHARDS) == shard].tolist()
    assert found(dataset, Query(shard=shard)) == own


def test_a_search_goes_on_where_it_ended(dataset, monkeypatch):
    monkeypatch.setattr("booruflow.core.tables.GROUP_ROWS", 7)
    first = dataset.search(Query(tags=("even",)), count=3)
    assert first.after == first.posts[-1].id and len(first.posts) == 3
    ids, after = [], -1
    while after is not None:
        part = dataset.search(Query(tags=("even",)), after=after, count=3)
        ids, after = ids + [post.id for post in part.posts], part.after
    assert ids == [post for post in IDS if post % 2 == 0]
    assert part.share == 1.0


def test_a_search_without_products_finds_nothing(dataset, folder):
    (folder / "results/meta_cap.json").unlink()
    assert found(dataset, Query(text="edited")) == []
    (folder / "results/posts/posts.parquet").unlink()
    assert dataset.search(Query()).after is None
