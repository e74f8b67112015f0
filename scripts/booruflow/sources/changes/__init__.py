"""What is new: the posts of this run beside those of the run before.

In: posts.parquet, and a copy of the former one that outlives it. Out: a table of the posts that differ, counts, and a summary.
"""
