"""From posts without a caption to captions: shards, prompts, the engine and its backends, the journal, parsing, repair.

In: the posts, the images, the list of what is missing. Out: raw, good, bad, fixed and skipped files of each shard.
"""
