"""Search for tags and posts similar to a tag or a post, by the cosine of their vectors. Needs no torch and no model."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.tag_model.sets import read_tags

Kind = Literal["tags", "posts"]


def similar(
    folder: Path, query: str | int, among: Kind, top: int, dimensions: int | None = None
) -> list[tuple[str | int, float]]:
    """The tags or posts most similar to a tag or a post, best first.

    Args:
        folder: the workflow's results/embed.
        query: the name of a tag, or the id of a post; it is not in the result.
        among: what to search; tags that no training post has are left out.
        top: the number of results.
        dimensions: use the first entries of the vectors only; None uses all.

    Returns:
        Tag names or post ids, each with its cosine.

    Raises:
        UserError: a file is missing, or there is no such tag or post.
    """
    kind: Kind = "tags" if isinstance(query, str) else "posts"
    keys, vectors = _load(folder, kind, dimensions)
    row = _row_of_tag(query, list(keys)) if isinstance(query, str) else _row_of_post(query, keys, folder)
    vector = vectors[row]
    if among != kind:
        keys, vectors = _load(folder, among, dimensions)
        row = -1
    rows, cosines = nearest(vectors, vector, top + 1)
    found = [(keys[other], float(cosine)) for other, cosine in zip(rows.tolist(), cosines, strict=True) if other != row]
    return [(key if isinstance(key, str) else int(key), cosine) for key, cosine in found[:top]]


def nearest(
    vectors: NDArray[np.float16], target: NDArray[Any], top: int, batch: int = 65_536
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The rows of `vectors` ([rows, dimensions], may be memory-mapped) with the highest cosine to `target` ([dimensions]).

    Returns:
        Rows and cosines, both [at most top], best first; of equal cosines the lower row comes first.
    """
    direction = target.astype(np.float32) / max(float(np.linalg.norm(target.astype(np.float32))), 1e-12)
    rows = np.empty(0, np.int64)
    cosines = np.empty(0, np.float32)
    for start in range(0, len(vectors), batch):
        part = vectors[start : start + batch].astype(np.float32)
        part_cosines = part @ direction / np.maximum(np.linalg.norm(part, axis=1), 1e-12)
        rows = np.concatenate([rows, np.arange(start, start + len(part))])
        cosines = np.concatenate([cosines, part_cosines])
        best = np.argsort(-cosines, kind="stable")[:top]
        rows, cosines = rows[best], cosines[best]
    return rows, cosines


def _load(folder: Path, kind: Kind, dimensions: int | None) -> tuple[Any, NDArray[Any]]:
    """The names of tags, or the ids of posts, and their vectors."""
    if kind == "posts":
        return _mapped(folder / "ids.npy"), _mapped(folder / "embeddings.npy")[:, :dimensions]
    names, _, counts = read_tags(folder / "model" / "tags.tsv")
    in_training = np.flatnonzero(np.array(counts))
    return [names[number] for number in in_training], _mapped(folder / "tags.npy")[in_training][:, :dimensions]


def _mapped(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r")
    except FileNotFoundError as error:
        raise UserError(f"{path}: missing: build it with `snakemake tag_model`, or name another folder with --folder") from error
    return array


def _row_of_tag(tag: str, names: list[str]) -> int:
    if tag not in names:
        close = [name for name in names if tag.lower() in name.lower()][:5] or get_close_matches(tag, names)
        hint = f"did you mean {', '.join(close)}?" if close else "see model/tags.tsv"
        raise UserError(f"no tag {tag!r} in the vocabulary: {hint}")
    return names.index(tag)


def _row_of_post(post: int, ids: NDArray[np.int64], folder: Path) -> int:
    rows = np.flatnonzero(ids == post)
    if not len(rows):
        raise UserError(f"{folder}/ids.npy: no post {post}: it has {len(ids)} posts, such as {ids[0]}")
    return int(rows[0])
