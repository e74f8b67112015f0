import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.sources.posts import TAG_CATEGORIES
from booruflow.tags.patterns import TagPatterns, literals, split_category, without_match


@pytest.mark.parametrize(
    ("entry", "category", "name", "expected"),
    [
        ("red_hair", "general", "red_hair", True),
        ("red_hair", "general", "dark_red_hair", False),
        ("*_request", "meta", "translation_request", True),
        ("*_request", "meta", "request", False),
        ("bad_*", "meta", "bad_id", True),
        ("*comment*", "meta", "partial_commentary", True),
        ("a*b*c", "general", "a.b.b.c", True),
        ("a*b*c", "general", "ac", False),
        ("*", "artist", "x", True),
        (r"\*_*", "general", "*_x", True),
        (r"\*_*", "general", "a_x", False),
        (r"a\\", "general", "a\\", True),
        (r"^_^", "general", "^_^", True),
        ("(a|b)*", "general", "ab", False),
        ("meta:*_request", "general", "x_request", False),
        ("meta:*_request", "meta", "x_request", True),
        ("artist:banned_artist", "artist", "banned_artist", True),
        ("fate:stay", "copyright", "fate:stay", True),
        ("general:", "general", "general:", True),
    ],
)
def test_what_an_entry_matches(entry, category, name, expected):
    patterns = TagPatterns([entry])
    assert patterns.matches(category, [name]).tolist() == [expected]
    assert patterns.first(category, name) == (entry if expected else None)


names = st.text("ab_*\\(.[+", min_size=1, max_size=6)


@given(st.lists(names, max_size=6), st.lists(names, min_size=1, max_size=6))
def test_all_patterns_at_once_match_as_one_by_one(entries, tags):
    patterns = TagPatterns(entries)
    one_by_one = [re.compile(".*".join(map(re.escape, literals(entry)))) for entry in entries]
    expected = [any(pattern.fullmatch(tag) for pattern in one_by_one) for tag in tags]
    assert patterns.matches("general", tags).tolist() == expected
    assert [patterns.first("general", tag) is not None for tag in tags] == expected


def test_a_category_is_one_only_before_a_name():
    assert split_category("artist:x") == (("artist",), "x")
    assert split_category("artist:")[1] == "artist:"
    assert split_category(":d")[1] == ":d"


@given(st.lists(names, max_size=4), st.lists(names, max_size=4))
def test_entries_without_a_match_match_no_name(entries, found):
    by_category = {category: found if category in ("general", "meta") else [] for category in TAG_CATEGORIES}
    expected = [
        entry
        for entry in entries
        if not any(TagPatterns([entry]).matches(category, held).any() for category, held in by_category.items())
    ]
    assert without_match(entries, by_category) == expected
