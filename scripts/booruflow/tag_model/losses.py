"""The losses of training: predicting masked tags, and optionally pulling two views of a set together."""

import torch
from torch import Tensor
from torch.nn import functional

from booruflow.tag_model.model import Sets, TagSetModel


def masked_tag_loss(scores: Tensor, visible: Sets, masked: Sets, unlikelihood_weight: float) -> Tensor:
    """Cross-entropy of each masked tag, averaged over the tags of a set, then over sets.

    A masked tag competes with the tags that its set does not have: not with the visible ones, which are no
    candidates, and not with the other masked ones, which are equally correct.

    Args:
        scores: [sets, tokens].
        visible: the tags that the model saw.
        masked: the tags to predict, at least one in each set.
        unlikelihood_weight: weight of the unlikelihood loss (arXiv 1908.04319), which penalises probability given to
            visible tags; with 0 their scores are unconstrained.
    """
    masked_rows, visible_rows = masked.rows, visible.rows
    scores = scores.float()
    targets = scores[masked_rows, masked.tokens]
    present = torch.zeros_like(scores, dtype=torch.bool)
    present[masked_rows, masked.tokens] = True
    present[visible_rows, visible.tokens] = True
    absent = scores.masked_fill(present, -torch.inf).logsumexp(dim=1)
    losses = functional.softplus(absent[masked_rows] - targets)
    loss = (losses / masked.sizes[masked_rows]).sum() / len(masked)
    if unlikelihood_weight:
        probability = scores.log_softmax(dim=1)[visible_rows, visible.tokens].exp()
        unlikelihood = -torch.log1p(-probability.clamp(max=1 - 1e-6))
        loss = loss + unlikelihood_weight * (unlikelihood / visible.sizes[visible_rows]).sum() / len(visible)
    return loss


def contrastive_loss(first: Tensor, second: Tensor, temperature: float = 0.05) -> Tensor:
    """InfoNCE (as in SimCSE, arXiv 2104.08821) between two views [sets, dimensions] of the same sets."""
    cosines = functional.normalize(first.float(), dim=1) @ functional.normalize(second.float(), dim=1).T
    return functional.cross_entropy(cosines / temperature, torch.arange(len(first), device=first.device))


class TrainingLoss(torch.nn.Module):
    """The loss of a micro-batch; a module, so that `accelerate` can distribute it over processes."""

    def __init__(self, model: TagSetModel, unlikelihood_weight: float, contrastive_weight: float) -> None:
        super().__init__()
        self.model = model
        self.unlikelihood_weight, self.contrastive_weight = unlikelihood_weight, contrastive_weight

    def forward(self, views: list[tuple[Sets, Sets]]) -> Tensor:
        """The mean over views and Matryoshka sizes; `views` are the visible and masked tags, once or twice."""
        vectors = [self.model(visible) for visible, _ in views]
        sizes = self.model.config.matryoshka_sizes
        losses = [
            masked_tag_loss(self.model.vector_scores(vector, size), visible, masked, self.unlikelihood_weight)
            for vector, (visible, masked) in zip(vectors, views, strict=True)
            for size in sizes
        ]
        loss = torch.stack(losses).mean()
        if self.contrastive_weight:
            distances = [contrastive_loss(vectors[0][:, :size], vectors[1][:, :size]) for size in sizes]
            loss = loss + self.contrastive_weight * torch.stack(distances).mean()
        return loss
