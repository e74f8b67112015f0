from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from booruflow.report.overview.duplicates import SHOWN, equal_files, families


@given(st.lists(st.one_of(st.none(), st.sampled_from(["", "aa", "AA", "bb", "cc"])), max_size=30), st.integers(1, 9))
def test_groups_of_equal_files_are_those_of_a_dict(values: list[str | None], size: int) -> None:
    frame = pl.DataFrame({"id": range(3, len(values) + 3), "md5": values}, schema={"id": pl.Int64, "md5": pl.String})
    found = equal_files([frame.head(0), *(frame.slice(start, size) for start in range(0, len(frame), size))])
    expected = defaultdict(list)
    for post, value in zip(frame["id"], values, strict=True):
        if value:
            expected[value.lower()].append(post)
    groups = [posts for posts in expected.values() if len(posts) > 1]
    assert (found.posts, found.shared, found.groups) == (sum(map(len, expected.values())), sum(map(len, groups)), len(groups))
    assert found.largest == [(posts[:SHOWN], len(posts)) for posts in sorted(groups, key=lambda posts: (-len(posts), posts[0]))]


def test_a_family_is_a_parent_with_its_children_or_children_alone() -> None:
    frame = pl.DataFrame({"id": [1, 2, 3, 4, 5, 6], "parent_id": [None, 1, 1, 99, 99, None]})
    found = families([frame])
    assert (found.posts, found.shared, found.groups) == (6, 5, 2)
    assert found.largest == [([1, 2, 3], 3), ([4, 5], 2)]
