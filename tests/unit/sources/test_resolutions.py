import polars as pl

from booruflow.sources.kohya_resolutions import KOHYA_SCHEMA
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA, resolution_rows

BUCKET_RULE = {"resolution": 1024, "min_reso": 256, "max_reso": 2048, "step": 64, "no_upscale": False}
POSTS = pl.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "image_width": [1000, None, 500, 1000],
        "image_height": [1000, None, 1000, 1000],
        "file_ext": ["png", None, "jpg", "png"],
    },
    schema={"id": pl.Int64, "image_width": pl.Int32, "image_height": pl.Int32, "file_ext": pl.String},
)
IMAGES = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "ext": ["png", "webp", "jpg"],
        "file": ["1.png", "2.webp", "0003.tar"],
        "offset": [None, None, 512],
        "width": [None, 2048, None],
        "height": [None, 512, None],
    },
    schema={"id": pl.Int64, "ext": pl.String, "file": pl.String, "offset": pl.Int64, "width": pl.Int32, "height": pl.Int32},
)


def rows(kohya=None, need_image=True):
    found = pl.concat(resolution_rows([POSTS], [IMAGES], None if kohya is None else [kohya], BUCKET_RULE, need_image))
    assert found.schema == pl.Schema(RESOLUTIONS_SCHEMA)
    return {row[0]: row[1:] for row in found.iter_rows()}


def test_posts_with_an_image_get_the_resolution_of_the_bucket_rule():
    assert rows() == {
        1: ("1.png", 1024, 1024, 1000, 1000),
        2: ("2.webp", 2048, 512, 2048, 512),
        3: ("3.jpg", 704, 1408, 500, 1000),
    }


def test_without_an_image_folder_posts_with_a_size_are_taken():
    assert rows(need_image=False)[4] == ("4.png", 1024, 1024, 1000, 1000)


def test_posts_of_a_kohya_file_are_taken_and_missing_sizes_filled_in():
    kohya = pl.DataFrame([(1, 512, 512, None, None), (3, None, None, 64, 64), (9, 1, 1, 1, 1)], schema=KOHYA_SCHEMA, orient="row")
    assert rows(kohya) == {1: ("1.png", 512, 512, 1000, 1000), 3: ("3.jpg", 1024, 1024, 64, 64)}
