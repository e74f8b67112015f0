"""Files of vectors, and what is near in them. Needs neither torch nor the model."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.files import written_whole


def write_vectors(
    vectors_path: Path, ids_path: Path, count: int, dimensions: int, parts: Iterable[tuple[NDArray[Any], NDArray[Any]]]
) -> None:
    """Write vectors as `.npy`, float16 [count, dimensions], and their ids, int64 [count], part by part.

    Args:
        vectors_path: a `.npy` file, which readers can map into memory.
        ids_path: likewise; row i is the id of vector i.
        count: how many there will be.
        dimensions: of a vector.
        parts: ids and vectors, in order.
    """
    with written_whole(vectors_path) as part, written_whole(ids_path) as ids_part:
        shape = (count, dimensions)
        vectors = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
        ids = np.lib.format.open_memmap(ids_part, mode="w+", dtype=np.int64, shape=(count,))
        start = 0
        for some_ids, some_vectors in parts:
            stop = start + len(some_ids)
            vectors[start:stop], ids[start:stop] = some_vectors, some_ids
            start = stop
        vectors.flush()
        ids.flush()


def nearest(
    vectors: NDArray[np.float16], wanted: NDArray[Any], top: int, batch: int = 65_536
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The rows of `vectors` ([rows, dimensions], may be mapped) with the highest cosine to `wanted` ([dimensions]).

    Returns:
        Rows and cosines, both [at most top], best first; of equal cosines the lower row comes first.
    """
    direction = wanted.astype(np.float32) / max(float(np.linalg.norm(wanted.astype(np.float32))), 1e-12)
    rows = np.empty(0, np.int64)
    cosines = np.empty(0, np.float32)
    for start in range(0, len(vectors), batch):
        part = vectors[start : start + batch].astype(np.float32)
        some = part @ direction / np.maximum(np.linalg.norm(part, axis=1), 1e-12)
        rows = np.concatenate([rows, np.arange(start, start + len(some))])
        cosines = np.concatenate([cosines, some])
        best = np.argsort(-cosines, kind="stable")[:top]
        rows, cosines = rows[best], cosines[best]
    return rows, cosines


def read_lines(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        UserError: it is missing.
    """
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError as error:
        raise UserError(f"{path}: missing: name the folder that train_tag_model made, or train again") from error
