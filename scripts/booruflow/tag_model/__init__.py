"""A small transformer that embeds tag sets.

In: the token file and the vocabulary. Out: the trained model, its evaluation against baselines, vectors of posts and tags.
"""
