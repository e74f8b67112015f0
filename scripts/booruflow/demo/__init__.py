"""The sample data set and its captioner.

In: seeds. Out: drawn images with metadata and captions (sample/), and a tiny Qwen2-VL trained to caption such images.
Only developers' tools, the rule demo_captioner and tests use this room.
"""
