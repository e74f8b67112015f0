import json

import polars as pl
import pytest

from booruflow.sources.images.inspection import SIZES_SCHEMA
from booruflow.sources.kohya_resolutions import KOHYA_SCHEMA
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA, excluded_entries, resolution_rows

BUCKET_RULE = {"resolution": 1024, "min_reso": 256, "max_reso": 2048, "step": 64, "no_upscale": False}
POSTS_SCHEMA = {"id": pl.Int64, "image_width": pl.Int32, "image_height": pl.Int32, "file_ext": pl.String}
NO_IMAGES = pl.DataFrame(schema=SIZES_SCHEMA)


def posts(*rows):
    return pl.DataFrame(rows, schema=POSTS_SCHEMA, orient="row")


def images(*rows):
    return pl.DataFrame(rows, schema=SIZES_SCHEMA, orient="row")


POSTS = posts((1, 1000, 1000, "png"), (2, None, None, None), (3, 500, 1000, "jpg"), (4, 1000, 1000, "png"))
IMAGES = images(
    (1, "pics", "1.png", 1000, 1000, None), (2, "pics", "a/2.webp", 2048, 512, None), (3, "more", "x/3.jpg", 1000, 500, None)
)


def rows(posts=POSTS, images=IMAGES, kohya=None, need_image=True, image_name="{id}", **rule):
    streams = [posts], [images], None if kohya is None else [kohya]
    found = pl.concat(resolution_rows(*streams, BUCKET_RULE | rule, image_name, need_image))
    assert found.schema == pl.Schema(RESOLUTIONS_SCHEMA)
    return {row[0]: row[1:] for row in found.iter_rows()}


def reasons(posts, images, need_image=True, kohya=None, image_name="{id}", **rule):
    """Post -> why it has no resolution."""
    having = rows(posts, images, kohya, need_image, image_name, **rule)
    found = pl.DataFrame({"id": list(having)}, schema={"id": pl.Int64})
    streams = [posts], [images], None if kohya is None else [kohya]
    entries = pl.concat(excluded_entries(*streams, [found], image_name, need_image))
    assert entries["id"].to_list() == [post for post in posts["id"] if post not in having]
    return {post: json.loads(value) for post, value in entries.iter_rows()}


def test_posts_with_an_image_get_the_resolution_of_its_stored_size():
    assert rows() == {
        1: ("pics", "1.png", 1024, 1024, 1000, 1000),
        2: ("pics", "a/2.webp", 2048, 512, 2048, 512),
        3: ("more", "x/3.jpg", 1408, 704, 1000, 500),
    }


def test_small_copies_with_the_metadata_of_the_originals():
    assert rows(posts((1, 4000, 4000, "png")), images((1, "p", "1.png", 512, 512, None)), no_upscale=True) == {
        1: ("p", "1.png", 512, 512, 512, 512)
    }


def test_without_an_image_folder_posts_with_a_size_are_taken():
    assert rows(images=NO_IMAGES, need_image=False)[4] == (None, "4.png", 1024, 1024, 1000, 1000)
    assert rows(images=NO_IMAGES, need_image=False, image_name="b_{id}")[4][1] == "b_4.png"


def test_posts_of_a_kohya_file_are_taken_and_missing_sizes_filled_in():
    kohya = pl.DataFrame(
        [(1, 512, 512, None, None), (3, None, None, 64, 64), (4, None, None, 64, 64), (9, 1, 1, 1, 1)],
        schema=KOHYA_SCHEMA,
        orient="row",
    )
    assert rows(kohya=kohya) == {
        1: ("pics", "1.png", 512, 512, 1000, 1000),
        3: ("more", "x/3.jpg", 1408, 704, 1000, 500),  # the stored size
        4: (None, "4.png", 1024, 1024, 64, 64),
    }
    assert list(rows(kohya=kohya, image_name="b_{id}_{md5}")) == [1, 3], "the name of 4 is not known"


@pytest.mark.parametrize("extension", ["mp4", "webm", "zip", "swf", "MP4", ".webm", "rar", "gifv", ""])
def test_videos_and_archives_are_no_training_images(extension):
    post = posts((1, 1000, 1000, extension))
    for need_image in (True, False):
        assert reasons(post, NO_IMAGES, need_image) == {1: {"reason": "not an image", "detail": extension}}
    kohya = pl.DataFrame([(1, 512, 512, None, None)], schema=KOHYA_SCHEMA, orient="row")
    assert rows(post, NO_IMAGES, kohya) == {}


@pytest.mark.parametrize(("extension", "name"), [("png", "1.png"), ("PNG", "1.PNG"), (".jpeg", "1.jpeg"), (None, "1.webp")])
def test_extensions_of_images(extension, name):
    assert rows(posts((1, 9, 9, extension)), NO_IMAGES, need_image=False)[1][1] == name


def test_each_post_without_a_resolution_has_a_reason():
    table = posts((1, 9, 9, "png"), (2, 9, 9, "png"), (3, 9, 9, "png"), (4, 9, 9, "mp4"), (5, 9, 9, "jpg"))
    files = images(
        (1, "p", "1.png", 99, 99, None), (2, "p", "2.png", None, None, 'of "no" kind'), (5, "p", "5.jpg", 20, 9000, None)
    )
    assert reasons(table, files, no_upscale=True) == {
        2: {"reason": "unreadable image", "detail": 'of "no" kind'},
        3: {"reason": "no image"},
        4: {"reason": "not an image", "detail": "mp4"},
        5: {"reason": "no training resolution", "detail": "20 x 9000 pixels"},
    }
    sizes = posts((1, None, 5, "png"), (2, 9, 9, "png"), (3, 0, 5, None))
    assert reasons(sizes, NO_IMAGES, need_image=False) == {
        1: {"reason": "unknown size"},
        3: {"reason": "no training resolution", "detail": "0 x 5 pixels"},
    }
    assert reasons(posts(), NO_IMAGES) == {}


def test_posts_beside_a_kohya_file_have_a_reason():
    kohya = pl.DataFrame(
        [(1, 512, 512, None, None), (2, 512, 512, None, None), (3, None, None, 10, 9000), (6, 64, 64, None, None)],
        schema=KOHYA_SCHEMA,
        orient="row",
    )
    table = posts(
        (1, None, None, "png"),
        (2, 9, 9, "mp4"),
        (3, None, None, "png"),
        (4, 600, 900, "png"),
        (5, None, None, "zip"),
        (6, 9, 9, None),
    )
    expected = {
        1: {"reason": "unknown size"},
        2: {"reason": "not an image", "detail": "mp4"},
        3: {"reason": "no training resolution", "detail": "10 x 9000 pixels"},
        4: {"reason": "not in inputs.resolutions"},
        5: {"reason": "not an image", "detail": "zip"},
    }
    for need_image in (True, False):
        assert reasons(table, NO_IMAGES, need_image, kohya, no_upscale=True) == expected
    unnamed = reasons(table, NO_IMAGES, False, kohya, "{md5}_{id}", no_upscale=True)
    assert {post: why["reason"] for post, why in unnamed.items()} == {
        1: "no image",
        2: "not an image",
        3: "no image",
        4: "not in inputs.resolutions",
        5: "not an image",
        6: "no image",
    }


def test_an_image_whose_name_is_not_known_from_the_metadata_has_this_reason():
    assert reasons(posts((1, 9, 9, "png")), NO_IMAGES, need_image=False, image_name="{md5}_{id}") == {1: {"reason": "no image"}}
