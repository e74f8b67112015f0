"""Token ids of all posts, for models that read tag sets.

In: posts.parquet. Out: tag counts, the vocabulary, the token file, and a tokenizer and data set that read them.
"""
