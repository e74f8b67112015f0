"""Texts: the tags, captions and other parts of a post, put together by the templates of the config.

In: posts, tags by the policy, and captions. Out: texts.json, and the texts of exports.
"""
