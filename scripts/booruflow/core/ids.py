"""Post ids: integers from 0 up to 10**18 - 1."""

MAX_ID_DIGITS = 18
"""Decimal digits of the largest id. 2**63 has 19, so every id fits a signed 64-bit integer."""
