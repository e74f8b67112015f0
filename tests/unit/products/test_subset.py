import polars as pl
import pytest

from booruflow.products.subset import matches

POSTS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "rating": ["g", "s", "e"],
        "score": [5, None, 50],
        "artist": ["ink", "", ""],
        "character": ["mirelle", "", "mirelle_(alt)"],
        "copyright": ["", "", ""],
        "general": ["1girl solo", "1girl", ""],
        "meta": ["", "highres", ""],
    }
)


@pytest.mark.parametrize(
    ("post_filter", "ids"),
    [
        ({}, [1, 2, 3]),
        ({"all": ["mirelle"]}, [1]),
        ({"all": ["1girl"], "none": ["solo"]}, [2]),
        ({"any": ["ink", "highres"]}, [1, 2]),
        ({"any": []}, [1, 2, 3]),
        ({"ratings": ["g", "e"]}, [1, 3]),
        ({"min_score": 10}, [3]),
        ({"min_score": 5, "all": ["1girl"]}, [1]),
    ],
)
def test_posts_that_match_a_filter(post_filter, ids):
    assert POSTS.filter(matches(post_filter))["id"].to_list() == ids
