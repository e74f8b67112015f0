"""What every room builds on: errors, atomic files, streams, tables, id-keyed JSON, jobs, progress, config.

In: paths, data frames, the user's configuration. Out: the same, checked and written whole. Knows nothing of captions or tags.
"""
