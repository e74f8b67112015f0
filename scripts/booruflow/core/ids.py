"""Post ids: non-negative integers."""

MAX_ID_DIGITS = 18
"""Decimal digits of the largest post id; every number of so many digits fits in an int64."""
