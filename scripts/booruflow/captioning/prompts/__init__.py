"""What a model is asked: prompt profiles, kept as data files in profiles/.

In: a profile and a post's tags. Out: the system message and the text of one request.
"""
