"""Draw the sample data set: python tools/draw_sample.py FOLDER (images/, metadata.parquet, captions.parquet)."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from booruflow.core.files import open_whole, written_whole
from booruflow.core.progress import progress
from booruflow.demo.existing_captions import captions_table
from booruflow.demo.sample_posts import COUNT, Post, make_post, metadata_table


def main(arguments: Sequence[str]) -> None:
    """Draw all posts and write them to the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="output folder; existing files of the same names are replaced")
    parser.add_argument("--overview", type=Path, help="also write the first 24 images as one PNG file")
    options = parser.parse_args(arguments)
    posts = []
    with progress(COUNT, "drawing") as bar:
        for number in range(COUNT):
            posts.append(make_post(number))
            bar.update(1)
    write_images(posts, options.folder / "images")
    write_table(metadata_table(posts), options.folder / "metadata.parquet")
    write_table(captions_table(posts), options.folder / "captions.parquet")
    if options.overview:
        with open_whole(options.overview) as file:
            overview(posts[:24]).save(file, "png", optimize=True)


def write_images(posts: Sequence[Post], folder: Path) -> None:
    """Write `<id>.webp` for each post that has an image in the sample."""
    for post in posts:
        if post.stored_image is not None:
            with open_whole(folder / f"{post.id}.webp") as file:
                file.write(post.stored_image)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a parquet file."""
    with written_whole(path) as part:
        pq.write_table(table, part, compression="zstd")


def overview(posts: Sequence[Post], columns: int = 8, cell: int = 160) -> Image.Image:
    """The images in a grid of square cells with `cell` pixels a side."""
    grid = Image.new("RGB", (columns * cell, -(-len(posts) // columns) * cell), (255, 255, 255))
    for i, post in enumerate(posts):
        image = Image.open(io.BytesIO(post.image))
        image.thumbnail((cell - 6, cell - 6))
        x, y = i % columns * cell + (cell - image.width) // 2, i // columns * cell + (cell - image.height) // 2
        grid.paste(image, (x, y))
    return grid


if __name__ == "__main__":
    main(sys.argv[1:])
