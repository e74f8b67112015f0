import io
import random

import pytest
from PIL import Image

from booruflow.demo import posts
from booruflow.demo.sample_posts import make_post, metadata, post_ids


def test_a_number_names_a_post():
    assert make_post(7) == make_post(7)


def test_a_posts_file_is_its_image_unless_it_is_missing_or_broken():
    whole, missing, broken = (make_post(n) for n in (0, min(posts.WITHOUT_IMAGE), min(posts.TRUNCATED)))
    assert whole.file == whole.image
    assert missing.file is None
    assert broken.file is not None
    assert broken.image.startswith(broken.file)
    Image.open(io.BytesIO(broken.image)).load()
    with pytest.raises(OSError, match=r"."):
        Image.open(io.BytesIO(broken.file)).load()


def test_metadata_tells_the_image():
    post = make_post(12)
    row = metadata([post]).to_pylist()[0]
    assert (row["image_width"], row["image_height"]) == Image.open(io.BytesIO(post.image)).size == post.scene.size
    assert row["tag_string_artist"] == post.scene.artist
    assert row["tag_string_general"] == " ".join(sorted(row["tag_string_general"].split()))


def test_special_posts_are_all_uncaptioned_and_apart():
    groups = [posts.LONGEST, posts.BUSY, posts.LETTERED, posts.WITHOUT_IMAGE, posts.TRUNCATED]
    assert len(frozenset().union(*groups)) == sum(map(len, groups))
    assert frozenset().union(*groups) <= set(posts.UNCAPTIONED)
    assert len(posts.UNCAPTIONED) == 36


def test_ids_are_spread():
    ids = post_ids()
    assert ids == sorted(set(ids))
    assert {i % 4 for i in ids} == {0, 1, 2, 3}
    assert len({i % 1000 for i in ids}) > 200


def test_a_longest_scene_has_more_to_tell_than_most():
    scene = posts.longest_scene(random.Random(1))
    assert len(scene.figures) == 2
    assert scene.object
    assert scene.lettering
