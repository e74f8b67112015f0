"""What exists before anything is built: metadata, images, resolutions, existing captions, and what is missing.

In: the user's files, in other tools' formats. Out: parquet tables and id-keyed JSON of our own, sorted by post id.
"""
