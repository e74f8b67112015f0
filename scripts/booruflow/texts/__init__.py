"""Texts: the tags, captions and other parts of a post, put together by the templates of the config.

In: posts, tags by the policy, and captions. Out: the texts in meta_lat, tars and exports.
"""
