import numpy as np
import pytest
from debian_sets import tag_sets
from hypothesis import given
from hypothesis import strategies as st
from small_tag_sets import split

from booruflow.core.errors import UserError
from booruflow.tag_model.protocol import (
    Splits,
    check_categories,
    completion_queries,
    group_near_duplicates,
    mask_at_random,
    retrieval_queries,
    sample_sets,
    split_posts,
    stable_hash,
)


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


def variants(count, seed=0):
    """Posts of 20 tags, and after each one or two variants with one or two tags fewer, more or replaced, and another rating."""
    generator = np.random.default_rng(seed)
    rows, images = [], []
    for image in range(count):
        tags = generator.choice(400, 20, replace=False)
        changes = [tags, tags[1:], [*tags[2:], 500 + image % 7], [*tags, 600]][: 1 + image % 4]
        rows += [[f"rating::{generator.integers(4)}", *(f"general::{tag}" for tag in each)] for each in changes]
        images += [image] * len(changes)
    return tag_sets(rows, range(len(rows)), range(len(rows))), np.array(images)


def test_near_duplicates_are_grouped_and_others_are_not():
    sets, images = variants(300)
    groups = group_near_duplicates(sets).groups
    first = np.searchsorted(images, images)  # the first post of each image
    assert (groups == first).mean() > 0.99
    assert all(len(set(images[groups == group])) == 1 for group in set(groups.tolist()))


def test_near_duplicates_stay_on_one_side_of_the_split():
    sets, images = variants(300)
    parts = split_posts([sets.take(slice(0, 400)), sets.take(slice(400, len(sets)))], "v1", train=80, validation=10)
    sides = [set(images[part.ids].tolist()) for part in (parts.train, parts.validation, parts.test)]
    crossing = sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    assert len(crossing) <= 2
    assert all(sides)
    again = split_posts([sets], "v1", train=80, validation=10)
    assert again.train.ids.tolist() == parts.train.ids.tolist()


@given(st.lists(st.sets(st.integers(0, 12), max_size=6), min_size=1, max_size=12))
def test_equal_sets_are_in_one_group(rows):
    sets = tag_sets([[f"t{tag}" for tag in row] for row in rows], range(len(rows)), range(len(rows)))
    groups = group_near_duplicates(sets).groups.tolist()
    for number, row in enumerate(rows):
        assert groups[number] == (groups[rows.index(row)] if row else number)


def test_small_sets_that_share_most_tags_are_not_one_group():
    sets = tag_sets([["1girl", "solo", f"t{number}"] for number in range(50)], range(50), range(50))
    assert group_near_duplicates(sets).groups.tolist() == list(range(50))


def test_split_of_no_posts():
    with pytest.raises(UserError, match="0 sets with at least 3 tags are too few to split"):
        split_posts([], "v1", train=80, validation=10)


def test_split_of_too_few():
    with pytest.raises(UserError, match="too few to split"):
        split(tag_sets([["a", "b", "c"]], [1], [1]))


def test_a_rating_is_no_tag():
    rows = [["rating::g", "score::1", "a::x", "a::y"], ["rating::g", "a::x", "a::y", "a::z"]] * 50
    sets = tag_sets(rows, range(100), range(100))
    assert sets.content_sizes.tolist() == [2, 3] * 50
    parts = split(sets)
    assert len(parts.train) + len(parts.validation) + len(parts.test) == 50
    queries = completion_queries(sets)
    names = sets.vocabulary.names
    assert {names[token].partition("::")[0] for token in queries.masked.tokens} == {"a"}
    assert set(queries.masked.sizes.tolist()) == {1}
    assert (queries.visible.sizes == np.tile([3, 3], 150)).all()


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


def test_categories_that_cannot_be_masked_are_all_named_before_training():
    rows = [["rating::g", "meta::new", f"artist::{n % 5}", f"general::{n % 3}", f"general::{3 + n % 7}"] for n in range(40)]
    sets = tag_sets([*rows, ["rare::z", "general::1", "general::2"]], range(41), range(41))
    parts = Splits(sets, sets, sets.take(slice(0, 40)))
    check_categories(parts, ["artist", "general"])
    check_categories(parts, [])
    wrong = (
        "tag_model.evaluation.categories: character has no tags; meta is constant .all posts that have it have meta::new.;"
        " rating has no tags; rare is on too few posts: use some of artist, general$"
    )
    with pytest.raises(UserError, match=wrong):
        check_categories(parts, ["character", "artist", "meta", "rating", "rare"])
    nothing = Splits(*(tag_sets([["general::x", "general::y", "general::z"]], [1], [1]),) * 3)
    with pytest.raises(UserError, match=r"general is on too few posts: use \[\], for none can be masked"):
        check_categories(nothing, ["general"])


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


@pytest.mark.parametrize("category_mask_rate", [0.0, 1.0])
def test_random_masks_leave_rating_and_score_visible(category_mask_rate):
    rows = [["rating::g", "score::high", f"artist::{n % 5}", f"general::{n % 3}", f"general::{3 + n % 7}"] for n in range(99)]
    rated = tag_sets(rows, range(99), range(99))
    visible, masked = mask_at_random(rated, (0.15, 0.75), category_mask_rate, np.random.default_rng(0))
    assert rated.vocabulary.is_content[masked.tokens].all()
    assert (visible.content_sizes >= 1).all() and (masked.sizes >= 1).all()
    np.testing.assert_array_equal(visible.count() + masked.count(), rated.count())
