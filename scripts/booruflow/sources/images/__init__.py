"""The images of posts, loose or in tars, listed and read where they are.

In: a folder of loose images `<id>.<ext>`, of tars whose members are named so, or of both. Out: images.parquet, and from it an
image by three values: `file`, its path below the folder; `offset` and `size`, its bytes in a tar, null for a loose image.
"""
