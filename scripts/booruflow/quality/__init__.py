"""What makes a caption suspicious, by rules without a model.

In come the posts with their tags and the captions of all sources; out go the flags of each caption and their counts.
"""
