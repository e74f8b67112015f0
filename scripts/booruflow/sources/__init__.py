"""Inputs made ready: metadata, the tags JSON, images, resolutions and existing captions, and the list of what is missing.

In: the user's files, in other tools' formats. Out: parquet tables and id-keyed JSON of our own, sorted by post id.
"""
