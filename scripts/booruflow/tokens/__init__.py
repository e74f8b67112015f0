"""From post metadata to a file of token ids: counts, vocabulary, encoding, and a loader for training."""

CATEGORIES = ("character", "copyright", "artist", "general", "meta")
"""The tag categories, in the order in which a record holds them."""
