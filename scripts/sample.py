"""Draw the sample data set: python scripts/sample.py OUT (pictures, metadata.parquet, captions.parquet)."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from booruflow.demo.existing import captions
from booruflow.demo.posts import COUNT, Post, make_post, metadata
from booruflow.files import open_whole, written_whole
from booruflow.progress import progress


def main() -> None:
    """Read the command line, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to; what is there under the same names is replaced")
    out = parser.parse_args().out
    posts = []
    with progress(COUNT, "drawing") as bar:
        for number in range(COUNT):
            posts.append(make_post(number))
            bar.update(1)
    write_pictures(posts, out / "images")
    write_table(metadata(posts), out / "metadata.parquet")
    write_table(captions(posts), out / "captions.parquet")


def write_pictures(posts: Sequence[Post], folder: Path) -> None:
    """One `<id>.webp` a post, where the sample has one."""
    for post in posts:
        if post.file is not None:
            with open_whole(folder / f"{post.id}.webp") as file:
                file.write(post.file)


def write_table(table: pa.Table, path: Path) -> None:
    """A parquet file."""
    with written_whole(path) as part:
        pq.write_table(table, part, compression="zstd")


if __name__ == "__main__":
    main()
