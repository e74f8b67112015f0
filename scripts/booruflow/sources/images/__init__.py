"""The images of posts, loose or in tars, listed and read where they are.

In: folders of images whose names contain the post's id, of tars with such members, or of both. Out: images.parquet, and from
it an image by three values: the path of its file, or of its tar with `offset` and `size` of the bytes in it.
"""
