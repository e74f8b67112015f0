"""What a model is asked: the prompts of each style, kept in data files.

In: a style, a post's tags. Out: the system message and the text of one request.
"""
