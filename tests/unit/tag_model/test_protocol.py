import numpy as np
import pytest
from debian_sets import tag_sets
from hypothesis import given
from hypothesis import strategies as st
from small_tag_sets import split

from booruflow.core.errors import UserError
from booruflow.tag_model.protocol import completion_queries, mask_at_random, retrieval_queries, sample_sets, stable_hash


def as_lists(sets):
    return [sets.tokens[start:stop].tolist() for start, stop in zip(sets.offsets[:-1], sets.offsets[1:], strict=True)]


def test_hash_is_sha256():
    assert stable_hash("abc") == 0xBA7816BF8F01CFEA


def test_split_keeps_groups_together(sets):
    grouped = tag_sets([["a", "b", "c"]] * 300, range(300), [i // 3 for i in range(300)])
    parts = split(grouped)
    groups = [set(part.groups.tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert sum(len(part) for part in (parts.train, parts.validation, parts.test)) == 300
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    assert len(groups[0]) == pytest.approx(80, abs=12)
    assert split(grouped, "other").train.groups.tolist() != parts.train.groups.tolist()


def test_split_of_too_few():
    with pytest.raises(UserError, match="too few to split"):
        split(tag_sets([["a", "b", "c"]], [1], [1]))


@given(st.lists(st.sets(st.integers(0, 30), min_size=3), min_size=1, max_size=8), st.floats(0.01, 0.9))
def test_completion_divides_each_set_into_visible_and_masked(rows, share):
    sets = tag_sets([[f"t{i}" for i in row] for row in rows], range(len(rows)), range(len(rows)))
    queries = completion_queries(sets, repeats=2, share=share)
    everything = as_lists(sets) * 2
    assert len(queries.visible) == len(queries.masked) == len(everything)
    for whole, visible, masked in zip(everything, as_lists(queries.visible), as_lists(queries.masked), strict=True):
        assert sorted(visible + masked) == sorted(whole)
        assert len(masked) == max(1, int(share * len(whole) + 0.5))
    assert queries.set_index.tolist() == [*range(len(rows))] * 2


def test_completion_masks_other_tags_in_each_repeat_and_is_reproducible(sets):
    few = sets.take(slice(0, 40))
    queries = completion_queries(few)
    masked = as_lists(queries.masked)
    assert masked[:40] != masked[40:80]
    assert as_lists(completion_queries(few).masked) == masked
    assert as_lists(completion_queries(few, salt="v2").masked) != masked


def test_retrieval_masks_the_category_in_queries_and_gallery():
    rows = [["c::x", "g::a", "g::b"], ["g::a", "g::b", "g::d"], ["c::y", "g::a"], ["c::x", "c::y", "g::b", "g::d"]]
    sets = tag_sets(rows, list("pqrs"), list("pqrs"))
    retrieval = retrieval_queries(sets, sets, "c")
    assert retrieval.queries.ids.tolist() == retrieval.gallery.ids.tolist() == ["p", "s"]
    names = sets.vocabulary.names
    assert not any(names[token].startswith("c::") for token in retrieval.gallery.tokens)
    assert [names[token] for token in retrieval.masked_queries.tokens] == ["c::x", "c::x", "c::y"]
    with pytest.raises(UserError, match="no category 'artist' in the vocabulary: use some of c, g"):
        retrieval_queries(sets, sets, "artist")


def test_sample_is_stable_and_keeps_order(sets):
    sample = sample_sets(sets, 50)
    assert len(sample) == 50
    assert (np.diff(sample.ids) > 0).all()
    assert set(sample_sets(sets, 20).ids) < set(sample.ids)
    assert sample_sets(sets, 500) is sets


@pytest.mark.parametrize("category_mask_rate", [0.0, 1.0])
def test_random_masks_leave_a_visible_and_a_masked_tag(sets, category_mask_rate):
    large = sets.take(sets.sizes >= 2)
    visible, masked = mask_at_random(large, (0.15, 0.75), category_mask_rate, np.random.default_rng(0))
    assert (visible.sizes >= 1).all() and (masked.sizes >= 1).all()
    np.testing.assert_array_equal(visible.sizes + masked.sizes, large.sizes)
    np.testing.assert_array_equal(visible.count() + masked.count(), large.count())


def test_masking_a_category_masks_all_of_it(sets):
    large = sets.take(sets.sizes >= 2)
    visible, masked = mask_at_random(large, (0.15, 0.75), 1.0, np.random.default_rng(0))
    category = large.vocabulary.category
    for row in range(len(large)):
        masked_categories = set(category[masked.take(slice(row, row + 1)).tokens].tolist())
        visible_categories = set(category[visible.take(slice(row, row + 1)).tokens].tolist())
        assert len(masked_categories) == 1 and not masked_categories & visible_categories
