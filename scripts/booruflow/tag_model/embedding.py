"""Vectors and scores of tag sets by a trained model, in batches, on the device of the model; and files of vectors."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from booruflow.core.files import written_whole
from booruflow.tag_model.evaluation import Embedder, Floats, Scorer
from booruflow.tag_model.model import Sets, TagSetModel
from booruflow.tag_model.sets import TagSets


def to_device(sets: TagSets, device: torch.device) -> Sets:
    """A batch as tensors on a device."""
    return Sets(torch.from_numpy(sets.tokens.astype(np.int64)).to(device), torch.from_numpy(sets.offsets).to(device))


@torch.inference_mode()
def embed(model: TagSetModel, sets: TagSets, batch_size: int = 512) -> NDArray[np.float32]:
    """[sets, dimensions] The vector of each set, without dropout; sets of similar size are batched together."""
    model.eval()
    device = model.bias.device
    vectors = np.empty((len(sets), model.config.matryoshka_sizes[-1]), np.float32)
    by_size = np.argsort(sets.sizes, kind="stable")
    for start in range(0, len(sets), batch_size):
        batch = by_size[start : start + batch_size]
        vectors[batch] = model(to_device(sets.take(batch), device)).float().cpu().numpy()
    return vectors


def best_device() -> torch.device:
    """A GPU if one is visible, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def embedder(model: TagSetModel, dimensions: int) -> Embedder:
    """The first `dimensions` entries of a model's vectors, as an embedder."""
    return lambda sets: embed(model, sets)[:, :dimensions]


def scorer(model: TagSetModel, dimensions: int, vectors_only: bool = False) -> Scorer:
    """A model's scores with the first `dimensions` entries of its vectors, as a scorer; with or without its linear map."""

    @torch.inference_mode()
    def score(visible: TagSets) -> Floats:
        device = model.bias.device
        vectors = torch.from_numpy(embed(model, visible)).to(device)
        if vectors_only:
            return model.vector_scores(vectors, dimensions).cpu().numpy()
        return model.scores(vectors, dimensions, to_device(visible, device)).cpu().numpy()

    return score


def write_vectors(
    vectors_path: Path, ids_path: Path, count: int, dimensions: int, parts: Iterable[tuple[NDArray[Any], NDArray[Any]]]
) -> None:
    """Write vectors as `.npy`, float16 [count, dimensions], and their ids, int64 [count], part by part.

    Both files can be memory-mapped; row i of the ids is the id of vector i. `parts` are ids and vectors, in order.

    Raises:
        UserError: a file cannot be written.
    """
    with written_whole(vectors_path) as vectors_part, written_whole(ids_path) as ids_part:
        vectors = np.lib.format.open_memmap(vectors_part, mode="w+", dtype=np.float16, shape=(count, dimensions))
        ids = np.lib.format.open_memmap(ids_part, mode="w+", dtype=np.int64, shape=(count,))
        start = 0
        for part_ids, part_vectors in parts:
            stop = start + len(part_ids)
            vectors[start:stop], ids[start:stop] = part_vectors, part_ids
            start = stop
        vectors.flush()
        ids.flush()
