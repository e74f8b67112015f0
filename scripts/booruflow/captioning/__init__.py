"""From posts without a caption to parsed captions: shards, prompts, the engine and its backends, the journal, parsing, repair.

In: the posts, the images, the list of posts without a caption. Out: the raw, good, bad, fixed and skipped files of each shard.
"""
