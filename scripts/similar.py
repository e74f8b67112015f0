"""Look up what is near in the vectors of the tag-set model.

    python scripts/similar.py --tag hatsune_miku            tags near a tag
    python scripts/similar.py --post 123                    posts near a post
    python scripts/similar.py --tag hatsune_miku --posts    posts near a tag
    python scripts/similar.py --post 123 --tags             tags near a post

Nearness is the cosine of the first --dimensions entries. Tokens that no training set has are left out. --folder is where
the workflow put its `embed/` results.
"""

import argparse
import sys
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.tag_model.vectors import nearest, read_lines


def vectors_of(path: Path) -> NDArray[np.generic]:
    """An array file, mapped into memory."""
    try:
        return np.load(path, mmap_mode="r")
    except FileNotFoundError as error:
        raise UserError(f"{path}: missing: run the workflow's embed_posts and embed_tags, or name --folder") from error


def place_of(tag: str, names: list[str]) -> int:
    """The row of a tag."""
    if tag not in names:
        close = [name for name in names if tag.lower() in name.lower()][:5] or get_close_matches(tag, names)
        hint = f"did you mean {', '.join(close)}?" if close else "see tags.tsv"
        raise UserError(f"no tag {tag!r} in the vocabulary: {hint}")
    return names.index(tag)


def main(arguments: list[str]) -> None:
    """Print cosine and name, best first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--tag", help="a tag by its name")
    wanted.add_argument("--post", type=int, help="a post by its id")
    among = parser.add_mutually_exclusive_group()
    among.add_argument("--posts", action="store_true", help="look among posts")
    among.add_argument("--tags", action="store_true", help="look among tags")
    parser.add_argument("--folder", type=Path, default=Path("results/embed"))
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--dimensions", type=int, default=None, help="use the first so many (default: all)")
    chosen = parser.parse_args(arguments)
    folder, dimensions = chosen.folder, slice(chosen.dimensions)

    if chosen.tag is not None or chosen.tags:
        rows = [line.split("\t") for line in read_lines(folder / "model" / "tags.tsv")[1:]]
        met = [int(number) for number, *_, count in rows if count != "0"]
        names = [rows[number][1] for number in met]
        tags = vectors_of(folder / "tags.npy")[met][:, dimensions]
    if chosen.post is not None or chosen.posts:
        ids = vectors_of(folder / "ids.npy")
        posts = vectors_of(folder / "embeddings.npy")[:, dimensions]
    if chosen.tag is not None:
        itself = place_of(chosen.tag, names)
        vector = tags[itself]
    else:
        places = np.flatnonzero(ids == chosen.post)
        if not len(places):
            raise UserError(f"{folder}/ids.npy: no post {chosen.post}: it has {len(ids)} posts, such as {ids[0]}")
        itself = int(places[0])
        vector = posts[itself]

    among_tags = chosen.tags or (chosen.tag is not None and not chosen.posts)
    same_kind = among_tags == (chosen.tag is not None)
    found, cosines = nearest(tags if among_tags else posts, vector, chosen.top + same_kind)
    results = [(row, cosine) for row, cosine in zip(found, cosines, strict=True) if not (same_kind and row == itself)]
    for row, cosine in results[: chosen.top]:
        print(f"{cosine:.3f}  {names[row] if among_tags else ids[row]}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
