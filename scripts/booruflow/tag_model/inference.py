"""A trained model as a function of tag sets: vectors and scores, in batches, on whatever device the model is."""

import numpy as np
import torch
from numpy.typing import NDArray

from booruflow.tag_model.evaluation import Embedder, Floats, Scorer
from booruflow.tag_model.model import Sets, TagSetModel
from booruflow.tag_model.sets import TagSets


def on_device(sets: TagSets, device: torch.device) -> Sets:
    """A batch as tensors."""
    return Sets(torch.from_numpy(sets.tokens.astype(np.int64)).to(device), torch.from_numpy(sets.offsets).to(device))


@torch.inference_mode()
def embed(model: TagSetModel, sets: TagSets, batch: int = 512) -> NDArray[np.float32]:
    """[sets, dimensions] The vector of each set, without dropout; sets of like size are taken together."""
    model.eval()
    device = model.bias.device
    vectors = np.empty((len(sets), model.config.nested[-1]), np.float32)
    by_size = np.argsort(sets.sizes, kind="stable")
    for start in range(0, len(sets), batch):
        chosen = by_size[start : start + batch]
        vectors[chosen] = model(on_device(sets.take(chosen), device)).float().cpu().numpy()
    return vectors


def best_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def embedder(model: TagSetModel, dimensions: int) -> Embedder:
    """The first `dimensions` entries of a model's vectors."""
    return lambda sets: embed(model, sets)[:, :dimensions]


def scorer(model: TagSetModel, dimensions: int) -> Scorer:
    """A model's scores from the first `dimensions` entries of its vectors, as a scorer."""

    @torch.inference_mode()
    def score(shown: TagSets) -> Floats:
        vectors = torch.from_numpy(embed(model, shown)).to(model.bias.device)
        return model.scores(vectors, dimensions).float().cpu().numpy()

    return score
