import io
import random

import pytest
from PIL import Image

from booruflow.demo import sample_posts as posts
from booruflow.demo.sample_posts import make_post, metadata_table, post_ids


def test_a_number_determines_the_post():
    assert make_post(7) == make_post(7)


def test_the_stored_image_is_complete_missing_or_truncated():
    complete, missing, truncated = (make_post(n) for n in (0, min(posts.WITHOUT_IMAGE), min(posts.TRUNCATED)))
    assert complete.stored_image == complete.image
    assert missing.stored_image is None
    assert truncated.stored_image is not None
    assert truncated.image.startswith(truncated.stored_image)
    Image.open(io.BytesIO(truncated.image)).load()
    with pytest.raises(OSError, match=r"."):
        Image.open(io.BytesIO(truncated.stored_image)).load()


def test_metadata_matches_the_image():
    post = make_post(12)
    row = metadata_table([post]).to_pylist()[0]
    assert (row["image_width"], row["image_height"]) == Image.open(io.BytesIO(post.image)).size == post.scene.size
    assert row["tag_string_artist"] == post.scene.artist
    assert row["tag_string_general"] == " ".join(sorted(row["tag_string_general"].split()))


def test_special_posts_are_uncaptioned_and_in_one_group_each():
    groups = [posts.LONGEST, posts.BUSY, posts.LETTERED, posts.WITHOUT_IMAGE, posts.TRUNCATED]
    assert len(frozenset().union(*groups)) == sum(map(len, groups))
    assert frozenset().union(*groups) <= set(posts.UNCAPTIONED)
    assert len(posts.UNCAPTIONED) == 36


def test_ids_are_spread_over_shards_and_tars():
    ids = post_ids()
    assert ids == sorted(set(ids))
    assert {i % 4 for i in ids} == {0, 1, 2, 3}
    assert len({i % 1000 for i in ids}) > 200


def test_a_longest_scene_has_two_figures_an_object_and_lettering():
    scene = posts.longest_scene(random.Random(1))
    assert len(scene.figures) == 2
    assert scene.object
    assert scene.lettering
