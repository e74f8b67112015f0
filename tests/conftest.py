"""Hypothesis draws the same examples in each run of the suite; `--hypothesis-profile=fresh` draws new ones, and more."""

from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.register_profile("fresh", max_examples=1000, deadline=None, database=None, print_blob=True)
settings.load_profile("suite")
