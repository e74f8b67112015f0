"""Draw the sample data set: python scripts/sample.py OUT (images, metadata.parquet, captions.parquet)."""

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from booruflow.core.files import open_whole, written_whole
from booruflow.core.progress import progress
from booruflow.demo.existing_captions import captions
from booruflow.demo.sample_posts import COUNT, Post, make_post, metadata


def main() -> None:
    """Read the command line, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to; what is there under the same names is replaced")
    parser.add_argument("--sheet", type=Path, help="also paste the first 24 images together in this PNG file")
    options = parser.parse_args()
    out = options.out
    posts = []
    with progress(COUNT, "drawing") as bar:
        for number in range(COUNT):
            posts.append(make_post(number))
            bar.update(1)
    write_images(posts, out / "images")
    write_table(metadata(posts), out / "metadata.parquet")
    write_table(captions(posts), out / "captions.parquet")
    if options.sheet:
        with open_whole(options.sheet) as file:
            contact_sheet(posts[:24]).save(file, "png", optimize=True)


def write_images(posts: Sequence[Post], folder: Path) -> None:
    """One `<id>.webp` a post, where the sample has one."""
    for post in posts:
        if post.file is not None:
            with open_whole(folder / f"{post.id}.webp") as file:
                file.write(post.file)


def write_table(table: pa.Table, path: Path) -> None:
    """A parquet file."""
    with written_whole(path) as part:
        pq.write_table(table, part, compression="zstd")


def contact_sheet(posts: Sequence[Post], columns: int = 8, cell: int = 160) -> Image.Image:
    """The images in rows, each in the middle of its cell."""
    sheet = Image.new("RGB", (columns * cell, -(-len(posts) // columns) * cell), (255, 255, 255))
    for i, post in enumerate(posts):
        image = Image.open(io.BytesIO(post.image))
        image.thumbnail((cell - 6, cell - 6))
        x, y = i % columns * cell + (cell - image.width) // 2, i // columns * cell + (cell - image.height) // 2
        sheet.paste(image, (x, y))
    return sheet


if __name__ == "__main__":
    main()
