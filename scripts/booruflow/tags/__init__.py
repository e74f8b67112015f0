"""The tag policy.

In: posts.parquet, the config section tags, and tables of aliases and implications.
Out: the tags of each post by part (tags.parquet), which tags changed (policy_report.tsv), and cut-offs of quality.
"""
