"""What a person looks at after a run.

In: posts, tags, captions, resolutions, images, and the outputs of all shards. Out: plots (SVG) and a contact sheet (HTML).
"""
